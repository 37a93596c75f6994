import type { Finding } from '../../shared/source/inspect-server.ts';
import { paragraph } from './table.ts';
import { badge, oneLine } from './text.ts';

/** What a check found, problems last, where a reader looks first. */
export function findingLines({ outcome, findings }: { outcome: string; findings: Finding[] }): string[] {
  const rank = ({ ok, advice }: Finding): number => (ok ? (advice === undefined ? 0 : 1) : 2);
  const sorted = findings.toSorted((a, b) => rank(a) - rank(b));
  return [
    ...sorted.flatMap((finding) => {
      const { check, message, advice } = finding;
      const [tone, word] = [
        ['good', 'ok'],
        ['warning', 'note'],
        ['bad', 'problem'],
      ][rank(finding)] as ['good' | 'warning' | 'bad', string];
      return [
        ...paragraph(`${badge(tone, word)} ${oneLine(`${check}: ${message}`)}`),
        ...(advice === undefined ? [] : paragraph(oneLine(advice), '  ')),
      ];
    }),
    '',
    outcome,
  ];
}

import type { Finding } from '../../shared/source/inspect-server.ts';
import { adviceLine } from './advice.ts';
import { paragraph } from './table.ts';
import { badge, oneLine } from './text.ts';

/** What a check found and its outcome. */
export const findingLines = ({ outcome, findings }: { outcome: string; findings: Finding[] }): string[] => [
  ...sortedFindings(findings),
  '',
  oneLine(outcome),
];

/** Findings with their advice, problems last, where a reader looks first. */
export function sortedFindings(findings: readonly Finding[]): string[] {
  return findings
    .toSorted((a, b) => RANKS.indexOf(rankOf(a)) - RANKS.indexOf(rankOf(b)))
    .flatMap((finding) => {
      const { check, message, advice } = finding;
      const { tone, word } = rankOf(finding);
      return [
        ...paragraph(`${badge(tone, word)} ${oneLine(`${check}: ${message}`)}`),
        ...(advice === undefined ? [] : paragraph(adviceLine(advice), '  ')),
      ];
    });
}

const [OK, NOTE, PROBLEM] = [
  { tone: 'good', word: 'ok' },
  { tone: 'warning', word: 'note' },
  { tone: 'bad', word: 'problem' },
] as const;
const RANKS: readonly Rank[] = [OK, NOTE, PROBLEM];
type Rank = typeof OK | typeof NOTE | typeof PROBLEM;

/** A finding that is ok and has advice is a warning. */
function rankOf({ ok, advice }: Finding): Rank {
  if (!ok) return PROBLEM;
  return advice === undefined ? OK : NOTE;
}

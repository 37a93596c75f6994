import type { Recorded } from '../record.ts';
import type { Compared } from './figures.ts';

/** A table of Markdown; a bar in a cell is escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** What each case took. */
export function casesTable({ cases }: Compared): string {
  return table(
    [
      'case',
      'seconds: median (least to most)',
      'rate against the baseline',
      'CPU of the process',
      'CPU of PostgreSQL',
      'peak memory',
      'limited by',
    ],
    Object.entries(cases).map(([name, each]) => [
      name,
      `${seconds(each.seconds.median)} (${seconds(each.seconds.min)} to ${seconds(each.seconds.max)})`,
      each.ratio.toFixed(2),
      each.cpu_seconds === null ? '' : `${seconds(each.cpu_seconds)} s`,
      each.server_cpu_seconds === null ? '' : `${seconds(each.server_cpu_seconds)} s`,
      each.peak_rss_mb === null ? '' : `${each.peak_rss_mb} MB`,
      each.limited_by ?? '',
    ]),
  );
}

/** Where the main thread was in the profiled round. Empty without a profile. */
export function profileTable({ profile = [] }: Compared): string {
  if (profile.length === 0) return '';
  const rows = profile.map(({ place, share }) => [`${(share * 100).toFixed(1)} %`, `\`${place}\``]);
  return table(['share of the main thread', 'function, without what it calls'], rows);
}

/** When and on what a run was recorded. */
export function recordedOn({
  date,
  node,
  postgres,
  cores,
  used_by_others_cores: others,
  result,
}: Recorded): string {
  const rows = typeof result.rows === 'number' ? `${count(result.rows)} rows, ` : '';
  const rounds =
    typeof result.rounds === 'number' ? `${result.rounds} ${result.rounds === 1 ? 'round' : 'rounds'}, ` : '';
  const load = others === null ? '' : `; other programs used ${others} of the cores meanwhile`;
  return `Recorded on ${date}: ${rows}${rounds}Node ${node}, PostgreSQL ${postgres}, ${cores} cores${load}.`;
}

/** All numbers and texts of a result of any shape, each with its path. */
export function everyFigure(result: object): string {
  const found: string[][] = [];
  const visit = (path: readonly string[], value: unknown): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [name, each] of Object.entries(value)) visit([...path, name], each);
    } else {
      found.push([path.join(', '), String(value)]);
    }
  };
  visit([], result);
  return table(['figure', 'value'], found);
}

/** With three digits that matter. */
export const seconds = (value: number): string => (value >= 10 ? value.toFixed(1) : value.toFixed(2));

export const count = (value: number): string => value.toLocaleString('en-US');

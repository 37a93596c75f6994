import type { Recorded } from '../record.ts';
import type { Chart } from './draw-chart.ts';
import { type Compared, comparedIn } from './figures.ts';
import { casesTable, count, everyFigure, profileTable, recordedOn, seconds } from './tables.ts';

/** A record with its figures, and of those of several sizes the one that a section is about. */
export type Main = { record: Recorded; compared: Compared };

/** The last of these records whose bench compares cases and that has `rows` rows, or any. Null if there is none. */
export function mainOf(records: readonly Recorded[], rows?: number): Main | null {
  const all = records.flatMap((record): Main[] => {
    const compared = comparedIn(record);
    return compared === null ? [] : [{ record, compared }];
  });
  return all.findLast(({ compared }) => rows === undefined || compared.rows === rows) ?? all.at(-1) ?? null;
}

/** The tables of a record: when and on what, each case, and the profile. */
export function tablesOf(record: Recorded, profiled = ''): string {
  const compared = comparedIn(record);
  if (compared === null) return [recordedOn(record), everyFigure(record.result)].join('\n\n');
  const profile = profileTable(compared);
  return [
    recordedOn(record),
    casesTable(compared),
    ...(profile === '' ? [] : [`The profiled round${profiled}:`, profile]),
  ].join('\n\n');
}

/** The rates of all cases; those of `others` are in another colour. */
export function chartOfRates(
  name: string,
  title: string,
  { compared }: Main,
  others: readonly string[],
): Chart {
  return {
    name,
    title: `${title}: rows per second`,
    bars: Object.entries(compared.cases).map(([label, each]) => ({
      label,
      value: each.rows_per_second,
      note: `${count(each.rows_per_second)} (${seconds(each.seconds.median)} s)`,
      isOurs: !others.includes(label),
    })),
  };
}

import { z } from 'zod';
import type { Recorded } from '../record.ts';
import { tablesOf } from './compared-section.ts';
import { recordsOf } from './figures.ts';
import { type Aim, atLeast, atMost, NOT_RECORDED, type WriteSection } from './section.ts';

/** The aims that a bench judges itself (`MeasuredAim`). */
const measuredAims = z.array(
  z.object({
    aim: z.string(),
    value: z.number(),
    at_most: z.number().optional(),
    at_least: z.number().optional(),
    unit: z.string().optional(),
  }),
);

/** The section of a bench without a chart: what it does, and the tables of its runs. `aims` are named while no run is recorded. */
export function plainSection(
  bench: string,
  { title, text, aims = [] }: { title: string; text: string; aims?: readonly string[] },
): WriteSection {
  return (all) => {
    const records = recordsOf(all, bench);
    return {
      title,
      aims: records.length === 0 ? aims.map(notRecorded) : records.slice(-1).flatMap(aimsOf),
      charts: [],
      text: [text, ...records.map((record) => tablesOf(record))].join('\n\n'),
    };
  };
}

const notRecorded = (aim: string): Aim => ({ aim, measured: NOT_RECORDED, isMet: null, missedBy: '' });

function aimsOf({ result }: Recorded): Aim[] {
  return measuredAims
    .parse(result.aims ?? [])
    .map(({ aim, value, at_most: most, at_least: least, unit = '' }) =>
      most === undefined ? atLeast(aim, least ?? 0, value, unit) : atMost(aim, most, value, unit),
    );
}

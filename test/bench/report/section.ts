import type { Recorded } from '../record.ts';
import type { Chart } from './draw-chart.ts';

/** One aim, and what was measured of it. `isMet` is null where nothing is recorded that could tell. */
export type Aim = {
  aim: string;
  measured: string;
  isMet: boolean | null;
  /** By how much it is missed; empty if it is met. */
  missedBy: string;
};

/** A part of docs/performance.md. Its text is Markdown. */
export type Section = { title: string; aims: Aim[]; charts: Chart[]; text: string };

/** Writes the section of one bench from all records. Figures come from the records, causes are written by hand. */
export type WriteSection = (records: readonly Recorded[]) => Section;

export const NOT_RECORDED = 'no run is recorded';

/** An aim of at least so much. */
export function atLeast(aim: string, wanted: number, value: number | null, unit = ''): Aim {
  if (value === null) return { aim, measured: NOT_RECORDED, isMet: null, missedBy: '' };
  const isMet = value >= wanted;
  const missedBy = isMet ? '' : factor(wanted / value);
  return { aim, measured: `${value}${unit}`, isMet, missedBy };
}

/** An aim of at most so much. */
export function atMost(aim: string, wanted: number, value: number | null, unit = ''): Aim {
  if (value === null) return { aim, measured: NOT_RECORDED, isMet: null, missedBy: '' };
  const isMet = value <= wanted;
  const missedBy = isMet ? '' : factor(value / wanted);
  return { aim, measured: `${value}${unit}`, isMet, missedBy };
}

/** As a share where a factor would be close to 1. */
const factor = (value: number): string =>
  value < 1.1 ? `${((value - 1) * 100).toFixed(1)} %` : `a factor of ${value.toFixed(2)}`;

import type { Bench } from './bench.ts';
import { startBenchStack } from './bench-stack.ts';
import { compareCases, type Sample } from './compare-cases.ts';
import { copyBinary } from './copy-binary.ts';
import { createItems, type ExtractSample, extractItems } from './item-source.ts';
import { ITEM_VIEW } from './items.ts';

/** So many slices as a view has, whether one or two are copied at once. */
const SLICES = 8;

/**
 * Loads SMartApp's largest view for the first time, from the source to staged objects: with two slices at once, and, as the baseline, with one. Each
 * round is a process of its own. Only the number of slices at once differs.
 */
export const initialBench: Bench = {
  maxRows: 999_999_999,
  rows: 1_000_000,
  async run({ rows, rounds, profile, report }) {
    await using stack = await startBenchStack();
    report(`creating ${rows} rows`);
    await createItems(stack, rows);
    const settingsOf = (workers: number) => ({
      MAX_SLICES: String(workers),
      SLICE_ROWS: String(Math.ceil(rows / SLICES)),
    });
    const load = (workers: number, name: string) =>
      extractItems(stack, rows, { name: `initial-${workers}-${name}`, settings: settingsOf(workers) });
    const copies: Sample[] = [];
    const ones: ExtractSample[] = [];
    const twos: ExtractSample[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const copied = await copyBinary(stack, ITEM_VIEW);
      const one = await load(1, String(round));
      const two = await load(2, String(round));
      copies.push(copied);
      ones.push(one);
      twos.push(two);
      report(
        `round ${round}: two workers ${two.seconds.toFixed(2)} s, one worker ${one.seconds.toFixed(2)} s; COPY binary ${copied.seconds.toFixed(2)} s`,
      );
    }
    const result = compareCases(rows, {
      'two workers': twos,
      'one worker': ones,
      'COPY binary': copies,
    });
    const profiled = profile
      ? await extractItems(stack, rows, { name: 'initial-profiled', settings: settingsOf(2), profile })
      : null;
    return {
      ...result,
      ...(profiled?.profile === undefined ? {} : { profile: profiled.profile }),
    };
  },
};

import type { ViewCheck } from './check-views.ts';
import type { Comparison } from './compare/compare.ts';
import type { Line } from './line.ts';
import type { ViewState } from './view-states.ts';

/** The result of a `--once` run, in the form that `--json` prints. */
export interface Result {
  consistent: boolean;
  seconds: number;
  views: {
    name: string;
    load_type: string;
    source_rows: number;
    target_rows: number;
    /** Sums of the applied batches. */
    added: number;
    changed: number;
    deleted: number;
    batches: number;
    /** Rows in which `reconcile` found a difference, how many of them it repaired, and the number of rows by class. */
    differences: number;
    repaired: number;
    classes: Record<string, number>;
    /** The columns that the comparison of this stack could not compare, with the reason of each. */
    not_compared: Record<string, string>;
    /** What `reconcile` and the comparison of this stack say independently of each other. */
    result: 'equal' | 'different' | 'not wholly compared';
    /** Whether the result is `equal`. */
    consistent: boolean;
  }[];
}

/** The exit code of a run: 0 if all is equal, 1 if something differs, 3 if nothing differs but not everything could be compared. */
export function exitCodeOf({ consistent, views }: Result): 0 | 1 | 3 {
  if (consistent) return 0;
  return views.length === 0 || views.some(({ result }) => result === 'different') ? 1 : 3;
}

export function resultOf(
  states: ViewState[],
  { checks, comparisons }: { checks: ViewCheck[]; comparisons: Comparison[] },
  seconds: number,
): Result {
  const views = comparisons.map(({ view, sourceRows, targetRows, totals, notCompared, consistent }) => {
    const state = states.find(({ name }) => name === view);
    const check = checks.find((each) => each.view === view);
    const isDifferent = totals.size > 0 || check?.consistent !== true;
    const result: Result['views'][number]['result'] = isDifferent
      ? 'different'
      : consistent
        ? 'equal'
        : 'not wholly compared';
    return {
      name: view,
      load_type: state?.loadType ?? '',
      source_rows: sourceRows,
      target_rows: targetRows,
      added: state?.added ?? 0,
      changed: state?.changed ?? 0,
      deleted: state?.deleted ?? 0,
      batches: state?.batches ?? 0,
      differences: check?.differences ?? 0,
      repaired: check?.repaired ?? 0,
      classes: check?.classes ?? {},
      not_compared: Object.fromEntries(notCompared),
      result,
      consistent: result === 'equal',
    };
  });
  return {
    // A comparison of no views proves nothing.
    consistent: views.length > 0 && views.every(({ consistent }) => consistent),
    seconds: Math.round(seconds * 10) / 10,
    views,
  };
}

/** The result as a table for people. */
export function formatResult(result: Result): Line[] {
  const { seconds, views } = result;
  const header = [
    'view',
    'load type',
    'source',
    'target',
    'added',
    'changed',
    'deleted',
    'batches',
    'differed',
    'repaired',
    'result',
  ];
  const cells = views.map((view) => [
    view.name,
    view.load_type,
    ...[view.source_rows, view.target_rows, view.added, view.changed, view.deleted, view.batches],
    ...[view.differences, view.repaired],
    SHOWN[view.result].word,
  ]);
  const rows = cells.map((row) => row.map((cell) => cell.toLocaleString('en-US')));
  const widths = header.map((title, i) =>
    Math.max(...[title, ...rows.map((row) => row[i] ?? '')].map((c) => c.length)),
  );
  const isNumber = (i: number) => i >= 2 && i < header.length - 1;
  const format = (row: string[]) =>
    row
      .map((cell, i) => (isNumber(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const table = rows.map((row, i) => {
    const look = SHOWN[views[i]?.result ?? 'different'].look;
    const cells = format(row);
    const word = row.at(-1) ?? '';
    return [cells.slice(0, -word.length), [look, word]] as const;
  });
  const { words, look } = VERDICTS[exitCodeOf(result)];
  return [[['strong', format(header)]], ...table, [[look, words], ` (${seconds} s)`]];
}

const SHOWN = {
  equal: { word: 'equal', look: 'good' },
  different: { word: 'DIFFERENT', look: 'bad' },
  'not wholly compared': { word: 'NOT WHOLLY COMPARED', look: 'warning' },
} as const;

const VERDICTS = {
  0: { words: 'Source and target are equal', look: 'good' },
  1: { words: 'Source and target DIFFER', look: 'bad' },
  3: { words: 'No difference was found, but NOT EVERYTHING WAS COMPARED', look: 'warning' },
} as const;

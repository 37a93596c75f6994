import type { ViewCheck } from './check-views.ts';
import type { Comparison } from './compare/compare.ts';
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
    /** Whether both sides are equal, as `reconcile` and the comparison of this stack say independently of each other. */
    consistent: boolean;
  }[];
}

export function resultOf(
  states: ViewState[],
  { checks, comparisons }: { checks: ViewCheck[]; comparisons: Comparison[] },
  seconds: number,
): Result {
  const views = comparisons.map(({ view, sourceRows, targetRows, consistent }) => {
    const state = states.find(({ name }) => name === view);
    const check = checks.find((each) => each.view === view);
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
      consistent: consistent && check?.consistent === true,
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
export function formatResult({ consistent, seconds, views }: Result): string[] {
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
    view.consistent ? 'equal' : 'DIFFERENT',
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
  const verdict = consistent ? 'Source and target are equal' : 'Source and target DIFFER';
  return [format(header), ...rows.map(format), `${verdict} (${seconds} s)`];
}

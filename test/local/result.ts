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
    consistent: boolean;
  }[];
}

export function resultOf(states: ViewState[], comparisons: Comparison[], seconds: number): Result {
  const views = comparisons.map(({ view, sourceRows, targetRows, consistent }) => {
    const state = states.find(({ name }) => name === view);
    return {
      name: view,
      load_type: state?.loadType ?? '',
      source_rows: sourceRows,
      target_rows: targetRows,
      added: state?.added ?? 0,
      changed: state?.changed ?? 0,
      deleted: state?.deleted ?? 0,
      batches: state?.batches ?? 0,
      consistent,
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
    'result',
  ];
  const rows = views.map((view) => [
    view.name,
    view.load_type,
    ...[view.source_rows, view.target_rows, view.added, view.changed, view.deleted, view.batches].map((n) =>
      n.toLocaleString('en-US'),
    ),
    view.consistent ? 'equal' : 'DIFFERENT',
  ]);
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

import type { BigQuery } from '@google-cloud/bigquery';
import { isSame, show, type Value } from './comparable.ts';
import { readSource, type SourceRows } from './read-source.ts';
import { readTarget, type TargetColumn, type TargetRows } from './read-target.ts';

// The comparison shares no code with the product, so that they cannot share a mistake: no file in this folder imports the product's modules.

/** A source view and the table that must be equal to it. */
export interface Pair {
  view: string;
  /** `dataset.table` */
  target: string;
  keyColumn: string;
  /** Whether the target keeps deleted rows and marks them, as a merged target does; a streamed target loses them. */
  keepsDeletedRows: boolean;
}

export type Difference =
  | { what: 'missing in the target' | 'not in the source' | 'duplicate in the target'; key: string }
  | { what: 'value'; key: string; column: string; source: string; target: string }
  | { what: 'column missing in the target' | 'column not in the source'; column: string };

export interface Comparison {
  view: string;
  sourceRows: number;
  targetRows: number;
  /** Number of differences of each kind. */
  totals: Map<Difference['what'], number>;
  /** The first differences that were found. */
  examples: Difference[];
  consistent: boolean;
}

const MAX_EXAMPLES = 20;

/** A column of SMartApp that is not replicated. */
const UNREPLICATED = new Set(['updated_at']);
/** Columns that the pipeline adds. */
const TECHNICAL = new Set(['is_deleted', 'update_at', 'etl_transaction_id']);

/**
 * Compares every column of every row of a source view with its target. Nothing may write meanwhile.
 *
 * Memory grows by a few hundred bytes with each row of the view.
 */
export async function compare(
  pair: Pair,
  sides: { sourceUrl: string; bigquery: BigQuery },
): Promise<Comparison> {
  const target = await readTarget(sides.bigquery, pair.target, pair.keepsDeletedRows);
  const source = await readSource(sides.sourceUrl, pair.view, pair.keyColumn, target.columns);
  return await compareRows(pair, source, target);
}

/** Compares values by the target's type, to the last digit. A key may occur only once. */
export async function compareRows(
  { view, keyColumn }: Pick<Pair, 'view' | 'keyColumn'>,
  source: SourceRows,
  target: TargetRows,
): Promise<Comparison> {
  const differences = new Differences();
  const columns = pairColumns(source, target.columns, differences);
  const keyIndex = target.columns.findIndex(({ name }) => name === keyColumn);
  const seen = new Set<string>();
  let targetRows = 0;
  for await (const row of target.rows) {
    targetRows += 1;
    const key = String(row[keyIndex] ?? 'NULL');
    const expected = source.rows.get(key);
    if (seen.has(key)) differences.add({ what: 'duplicate in the target', key });
    else if (expected === undefined) differences.add({ what: 'not in the source', key });
    else {
      for (const { name, type, sourceIndex, targetIndex } of columns) {
        const sourceValue: Value = expected[sourceIndex] ?? null;
        const targetValue: Value = row[targetIndex] ?? null;
        if (isSame(type, sourceValue, targetValue)) continue;
        differences.add({
          what: 'value',
          key,
          column: name,
          source: show(sourceValue),
          target: show(targetValue),
        });
      }
    }
    seen.add(key);
  }
  for (const key of source.rows.keys()) {
    if (!seen.has(key)) differences.add({ what: 'missing in the target', key });
  }
  return {
    view,
    sourceRows: source.rows.size,
    targetRows,
    totals: differences.totals,
    examples: differences.examples,
    consistent: differences.totals.size === 0,
  };
}

/** Describes the differences in lines for people, with the totals last. Empty if both sides are equal. */
export function describeFindings({ view, examples, totals }: Comparison): string[] {
  if (totals.size === 0) return [];
  const sums = [...totals].map(([what, count]) => `${TITLES[what]} ${count.toLocaleString('en-US')}`);
  return [...examples.map(describe), `in total: ${sums.join(', ')}`].map((line) => `${view}: ${line}`);
}

const TITLES: Record<Difference['what'], string> = {
  'missing in the target': 'rows missing from the target',
  'not in the source': 'rows not in the source',
  'duplicate in the target': 'rows with a duplicate key',
  value: 'different values',
  'column missing in the target': 'columns missing from the target',
  'column not in the source': 'columns not in the source',
};

function describe(difference: Difference): string {
  if (difference.what === 'value') {
    const { key, column, source, target } = difference;
    return `key ${key}, column ${column}: source ${source}, target ${target}`;
  }
  return 'key' in difference
    ? `key ${difference.key}: ${difference.what}`
    : `${difference.what}: ${difference.column}`;
}

class Differences {
  readonly totals: Comparison['totals'] = new Map();
  readonly examples: Difference[] = [];

  add(difference: Difference): void {
    this.totals.set(difference.what, (this.totals.get(difference.what) ?? 0) + 1);
    if (this.examples.length < MAX_EXAMPLES) this.examples.push(difference);
  }
}

interface ColumnPair {
  name: string;
  type: string;
  sourceIndex: number;
  targetIndex: number;
}

function pairColumns(
  source: SourceRows,
  targetColumns: TargetColumn[],
  differences: Differences,
): ColumnPair[] {
  const pairs: ColumnPair[] = [];
  for (const [sourceIndex, name] of source.columns.entries()) {
    if (UNREPLICATED.has(name)) continue;
    const targetIndex = targetColumns.findIndex((column) => column.name === name);
    const type = targetColumns[targetIndex]?.type;
    if (type === undefined) differences.add({ what: 'column missing in the target', column: name });
    else pairs.push({ name, type, sourceIndex, targetIndex });
  }
  for (const { name } of targetColumns) {
    if (!TECHNICAL.has(name) && !source.columns.includes(name)) {
      differences.add({ what: 'column not in the source', column: name });
    }
  }
  return pairs;
}

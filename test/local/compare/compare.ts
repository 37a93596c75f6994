import type { BigQuery } from '@google-cloud/bigquery';
import { isSame, show, type Value } from './comparable.ts';
import { readSource, type SourceRows } from './read-source.ts';
import { readTarget, type TargetColumn, type TargetRows } from './read-target.ts';

// The judge shares no code with what it judges: nothing under this folder imports the product's modules.

/** A source view and the table that must equal it. */
export interface Pair {
  view: string;
  /** `dataset.table` */
  target: string;
  keyColumn: string;
  /** A merged target keeps deleted rows, marked; in a streamed one they are gone. */
  keepsDeletedRows: boolean;
}

export type Difference =
  | { what: 'missing in the target' | 'not in the source' | 'twice in the target'; key: string }
  | { what: 'value'; key: string; column: string; source: string; target: string }
  | { what: 'column missing in the target' | 'column not in the source'; column: string };

export interface Comparison {
  view: string;
  sourceRows: number;
  targetRows: number;
  /** How many there are of each kind. */
  totals: Map<Difference['what'], number>;
  /** The first ones that were met. */
  examples: Difference[];
  consistent: boolean;
}

const MAX_EXAMPLES = 20;

/** SMartApp's own, which is not replicated. */
const UNREPLICATED = new Set(['updated_at']);
/** The pipeline's own. */
const TECHNICAL = new Set(['is_deleted', 'update_at', 'etl_transaction_id']);

/**
 * Compares every column of every row of a source view with its target, as they are when it is called; nothing may be writing.
 *
 * Memory grows with the rows of the view: a few hundred bytes each.
 */
export async function compare(
  pair: Pair,
  sides: { sourceUrl: string; bigquery: BigQuery },
): Promise<Comparison> {
  const target = await readTarget(sides.bigquery, pair.target, pair.keepsDeletedRows);
  const source = await readSource(sides.sourceUrl, pair.view, pair.keyColumn, target.columns);
  return await compareRows(pair, source, target);
}

/** Values are compared as the target's type has them, to the last digit; a key must occur once. */
export async function compareRows(
  { view, keyColumn }: Pick<Pair, 'view' | 'keyColumn'>,
  source: SourceRows,
  target: TargetRows,
): Promise<Comparison> {
  const found = new Findings();
  const columns = pairColumns(source, target.columns, found);
  const keyIndex = target.columns.findIndex(({ name }) => name === keyColumn);
  const seen = new Set<string>();
  let targetRows = 0;
  for await (const row of target.rows) {
    targetRows += 1;
    const key = String(row[keyIndex] ?? 'NULL');
    const expected = source.rows.get(key);
    if (seen.has(key)) found.add({ what: 'twice in the target', key });
    else if (expected === undefined) found.add({ what: 'not in the source', key });
    else {
      for (const { name, type, sourceIndex, targetIndex } of columns) {
        const mine: Value = expected[sourceIndex] ?? null;
        const theirs: Value = row[targetIndex] ?? null;
        if (isSame(type, mine, theirs)) continue;
        found.add({ what: 'value', key, column: name, source: show(mine), target: show(theirs) });
      }
    }
    seen.add(key);
  }
  for (const key of source.rows.keys()) {
    if (!seen.has(key)) found.add({ what: 'missing in the target', key });
  }
  return {
    view,
    sourceRows: source.rows.size,
    targetRows,
    totals: found.totals,
    examples: found.examples,
    consistent: found.totals.size === 0,
  };
}

/** The findings as lines for people, the totals last; none when both sides are equal. */
export function describeFindings({ view, examples, totals }: Comparison): string[] {
  if (totals.size === 0) return [];
  const sums = [...totals].map(([what, count]) => `${TITLES[what]} ${count.toLocaleString('en-US')}`);
  return [...examples.map(describe), `in all: ${sums.join(', ')}`].map((line) => `${view}: ${line}`);
}

const TITLES: Record<Difference['what'], string> = {
  'missing in the target': 'rows missing in the target',
  'not in the source': 'rows that are not in the source',
  'twice in the target': 'rows whose key is there already',
  value: 'differing values',
  'column missing in the target': 'columns missing in the target',
  'column not in the source': 'columns that are not in the source',
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

class Findings {
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

function pairColumns(source: SourceRows, targetColumns: TargetColumn[], found: Findings): ColumnPair[] {
  const pairs: ColumnPair[] = [];
  for (const [sourceIndex, name] of source.columns.entries()) {
    if (UNREPLICATED.has(name)) continue;
    const targetIndex = targetColumns.findIndex((column) => column.name === name);
    const type = targetColumns[targetIndex]?.type;
    if (type === undefined) found.add({ what: 'column missing in the target', column: name });
    else pairs.push({ name, type, sourceIndex, targetIndex });
  }
  for (const { name } of targetColumns) {
    if (!TECHNICAL.has(name) && !source.columns.includes(name)) {
      found.add({ what: 'column not in the source', column: name });
    }
  }
  return pairs;
}

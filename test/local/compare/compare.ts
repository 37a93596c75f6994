import type { BigQuery } from '@google-cloud/bigquery';
import type pg from 'pg';
import { isComparable, show } from './comparable.ts';
import { readSource, type SourceRows } from './read-source.ts';
import { readTarget, type TargetColumn, type TargetRows } from './read-target.ts';
import { DEFAULT_RULES, isAsConfigured, type Rules } from './rules.ts';

// The comparison shares no code with the product, so that they cannot share a mistake: no file in this folder imports the product's modules.

/** A source view and the table that must be equal to it. */
export interface Pair {
  view: string;
  /** `dataset.table` */
  target: string;
  keyColumn: string;
  /** Whether the target keeps deleted rows and marks them, as a merged target does; a streamed target loses them. */
  keepsDeletedRows: boolean;
  /** Default: those of a view source that says nothing about columns. */
  rules?: Rules;
}

/** Where both sides of a comparison are. */
export interface Sides {
  sourceUrl: string;
  /** How the connection to the source is encrypted. Default: not. */
  sourceTls?: pg.ClientConfig['ssl'];
  bigquery: BigQuery;
  /** The time zone in which the views compute. Default: UTC. */
  timeZone?: string | undefined;
}

/** Called from time to time with the number of rows that were read; each row counts twice, once on each side. */
export type OnRows = (rows: number) => void;

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
  /** Columns whose values could not be compared, and why: nothing is known about them. */
  notCompared: Map<string, string>;
  /** Whether everything was compared and is equal. */
  consistent: boolean;
}

const MAX_EXAMPLES = 20;
const ROWS_BETWEEN_REPORTS = 1000;

/** Columns that the pipeline adds. */
const TECHNICAL = new Set(['is_deleted', 'update_at', 'etl_transaction_id']);

/**
 * Compares every column of every row of a source view with its target. Nothing may write meanwhile.
 *
 * Memory grows by a few hundred bytes with each row of the view.
 */
export async function compare(pair: Pair, sides: Sides, onRows?: OnRows): Promise<Comparison> {
  const { sourceUrl, sourceTls: ssl, bigquery, timeZone } = sides;
  const target = await readTarget(bigquery, pair.target, pair.keepsDeletedRows);
  let sourceRows = 0;
  const source = await readSource({ name: pair.view, keyColumn: pair.keyColumn }, target.columns, {
    login: { connectionString: sourceUrl, ...(ssl !== undefined && { ssl }) },
    ...(timeZone && { timeZone }),
    onRows: (rows) => {
      sourceRows = rows;
      onRows?.(rows);
    },
  });
  return await compareRows(pair, source, target, (rows) => onRows?.(sourceRows + rows));
}

/** Compares values by the target's type, to the last digit. A key may occur only once. */
export async function compareRows(
  { view, keyColumn, rules = DEFAULT_RULES }: Pick<Pair, 'view' | 'keyColumn' | 'rules'>,
  source: SourceRows,
  target: TargetRows,
  onRows?: OnRows,
): Promise<Comparison> {
  const differences = new Differences();
  const notCompared = new Map(source.unreadable);
  const columns = pairColumns({ source, targetColumns: target.columns, rules }, differences).filter(
    ({ name, type }) => {
      if (!isComparable(type)) notCompared.set(name, `no rule compares values of type ${type}`);
      return !notCompared.has(name);
    },
  );
  const keyIndex = target.columns.findIndex(({ name }) => name === keyColumn);
  const seen = new Set<string>();
  let targetRows = 0;
  for await (const row of target.rows) {
    targetRows += 1;
    if (targetRows % ROWS_BETWEEN_REPORTS === 0) onRows?.(targetRows);
    const key = String(row[keyIndex] ?? 'NULL');
    const expected = source.rows.get(key);
    if (seen.has(key)) differences.add({ what: 'duplicate in the target', key });
    else if (expected === undefined) differences.add({ what: 'not in the source', key });
    else {
      for (const column of columns) {
        const { name, sourceIndex, targetIndex } = column;
        const values = { source: expected[sourceIndex] ?? null, target: row[targetIndex] ?? null };
        if (notCompared.has(name)) continue;
        try {
          if (isAsConfigured(column, values, rules)) continue;
        } catch (error) {
          notCompared.set(name, `key ${key}: ${error instanceof Error ? error.message : error}`);
          continue;
        }
        differences.add({
          ...{ what: 'value', key, column: name },
          ...{ source: show(values.source), target: show(values.target) },
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
    notCompared,
    consistent: differences.totals.size === 0 && notCompared.size === 0,
  };
}

/**
 * Describes the differences in lines for people, with the totals after them, and what was not compared. Empty if everything was compared and
 * is equal.
 */
export function describeFindings({ view, examples, totals, notCompared }: Comparison): string[] {
  const sums = [...totals].map(([what, count]) => `${TITLES[what]} ${count.toLocaleString('en-US')}`);
  return [
    ...examples.map(describe),
    ...(sums.length === 0 ? [] : [`in total: ${sums.join(', ')}`]),
    ...[...notCompared].map(([column, why]) => `column ${column} was not compared: ${why}`),
  ].map((line) => `${view}: ${line}`);
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

interface ColumnPair extends TargetColumn {
  sourceIndex: number;
  targetIndex: number;
}

function pairColumns(
  { source, targetColumns, rules }: { source: SourceRows; targetColumns: TargetColumn[]; rules: Rules },
  differences: Differences,
): ColumnPair[] {
  const pairs: ColumnPair[] = [];
  for (const [sourceIndex, name] of source.columns.entries()) {
    // One that was omitted later stays in the target.
    if (rules.omittedColumns.includes(name)) continue;
    const targetIndex = targetColumns.findIndex((column) => column.name === name);
    const column = targetColumns[targetIndex];
    if (column === undefined) differences.add({ what: 'column missing in the target', column: name });
    else pairs.push({ ...column, sourceIndex, targetIndex });
  }
  for (const { name } of targetColumns) {
    if (!TECHNICAL.has(name) && !source.columns.includes(name)) {
      differences.add({ what: 'column not in the source', column: name });
    }
  }
  return pairs;
}

import type { BigQueryType, Column, TableShape } from '../model/columns.ts';
import { clusteringColumns } from '../model/source-changes.ts';
import { type ColumnChange, describeChange } from './columns-match.ts';
import { layoutFaults } from './layout-faults.ts';
import { quoted } from './names.ts';
import type { Layout } from './tables-sql.ts';
import { type FoundLayout, layoutDifference } from './target-layout.ts';

/** How an existing table of a view differs from what the view needs; `name` is its full name. */
export type TableChanges = {
  table: 'temp' | 'target';
  name: string;
  changes: ColumnChange[];
  /** What is wrong with it besides its columns. */
  faults: string[];
};

/** What must happen to a view's tables so that they fit the view. */
export type Evolution = {
  /** Statements that change the tables. Safe to repeat. */
  statements: string[];
  /** Why a new table must take the place of the target, one sentence each; none for a target that stays. */
  newTarget: string[];
  /** The existing tables in whose place new ones are made. */
  remade: TableChanges['table'][];
  /** The clustering that the target must get, by tables.patch and a rewrite of its rows; null if it stays. */
  clustering: string[] | null;
  /** The columns that the target lacks. Its rows have NULL there until a batch with the whole view is applied. */
  added: Column[];
  /** The columns of the target that the view does not have any more. They stay, and become NULL. */
  dropped: Column[];
  /** Every difference, one sentence each. */
  differences: string[];
  /** The differences that no statement can settle without losing or inventing values, one sentence each. */
  refused: string[];
  /** The statements that remove columns which somebody else has added. */
  removals: string[];
  /** The full name of a target that is another table than the one that was created here, and a statement that drops it; otherwise null. */
  otherTable: { name: string; removal: string } | null;
};

/** For tables that fit the view. */
export const NO_EVOLUTION: Evolution = {
  statements: [],
  newTarget: [],
  remade: [],
  clustering: null,
  added: [],
  dropped: [],
  differences: [],
  refused: [],
  removals: [],
  otherTable: null,
};

/** All differences, one sentence each. */
export function describeChanges(tables: readonly TableChanges[]): string[] {
  return tables.flatMap(({ name, changes, faults }) =>
    [...changes.map(describeChange), ...faults].map((text) => `table ${name}: ${text}`),
  );
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_column_set_data_type_statement */
const WIDER: Partial<Record<BigQueryType, readonly BigQueryType[]>> = {
  INT64: ['NUMERIC', 'BIGNUMERIC'],
  NUMERIC: ['BIGNUMERIC'],
};

/** What is known of a view and its existing target. */
export type EvolutionInput = {
  tables: readonly TableChanges[];
  /** The name and the layout of the target; null if there is none. */
  target: ({ name: string } & FoundLayout) | null;
  shape: TableShape;
  layout: Layout;
  /** The columns that the view has had since its target was created: any other column of the target is somebody else's. */
  known: readonly string[];
  /** The dropped columns that were followed before: they are no difference any more. */
  settled: readonly string[];
};

/** Plans how the tables of a view follow its columns and its view source. Changes nothing. */
export function planEvolution({ tables, target, shape, layout, known, settled }: EvolutionInput): Evolution {
  const open = tables.map((table) => ({
    ...table,
    changes: table.changes.filter(
      ({ change, column }) => change !== 'dropped' || !settled.includes(column.name),
    ),
  }));
  const plan: Evolution = { ...structuredClone(NO_EVOLUTION), differences: describeChanges(open) };
  const planned = tables.map((changes) => ({
    ...changes,
    ...planTable(changes, { shape, layout, known }, plan),
  }));
  if (target !== null) planLayout(target, shape, layout, plan);
  plan.remade = planned.filter(({ isRemade }) => isRemade).map(({ table }) => table);
  if (plan.newTarget.length > 0) plan.remade.push('target');
  for (const { table, name, statements, isRemade } of planned) {
    if (table === 'target' && plan.newTarget.length > 0) continue;
    // The rows of a temp table are those of batches that have ended, and it is created again.
    plan.statements.push(...(isRemade ? [`drop table if exists ${quoted(name)};`] : statements));
  }
  return plan;
}

/** Adds to the plan what the columns of one table need. Returns the statements that change it, and whether it must be made anew instead. */
function planTable(
  { table, name, changes, faults }: TableChanges,
  { shape, layout, known }: Pick<EvolutionInput, 'shape' | 'layout' | 'known'>,
  plan: Evolution,
): { statements: string[]; isRemade: boolean } {
  const ofView = new Set(shape.columns.map(({ name: column }) => column));
  const laidOut = new Set([layout.partition?.column, ...layout.clusterColumns, layout.reportColumn]);
  const alter = `alter table ${quoted(name)}`;
  const statements: string[] = [];
  let isRemade = false;
  plan.refused.push(...faults.map((fault) => `table ${name}: ${fault}`));
  if (table === 'target' && changes.some((change) => isOfOtherTable(change, shape.keyColumn, ofView))) {
    plan.otherTable = { name, removal: `drop table ${quoted(name)};` };
  }
  for (const difference of changes) {
    const { column } = difference;
    const sentence = `table ${name}: ${describeChange(difference)}`;
    switch (difference.change) {
      case 'added':
        if (!ofView.has(column.name) || column.mode === 'REQUIRED') plan.refused.push(sentence);
        else {
          statements.push(`${alter} add column if not exists ${quoted(column.name)} ${typeOf(column)};`);
          if (table === 'target') plan.added.push(column);
        }
        break;
      case 'dropped':
        if (!known.includes(column.name)) {
          plan.refused.push(sentence);
          plan.removals.push(`${alter} drop column ${quoted(column.name)};`);
        } else if (table === 'target') plan.dropped.push(column);
        break;
      case 'spelling':
        plan.refused.push(sentence);
        break;
      case 'type':
        // Rows are found by their key, so that another type of key would leave every old row behind.
        if (column.name === shape.keyColumn || !ofView.has(column.name)) plan.refused.push(sentence);
        else if (shape.loadType === 'merge' && isWidened(difference) && !laidOut.has(column.name)) {
          const type = column.type.toLowerCase();
          statements.push(`${alter} alter column ${quoted(column.name)} set data type ${type};`);
        } else if (table === 'target') plan.newTarget.push(sentence);
        else isRemade = true;
    }
  }
  return { statements, isRemade };
}

/** Whether a target lacks a column that only the functions add, or allows NULL in its key: a statement of somebody else created it. */
function isOfOtherTable(difference: ColumnChange, keyColumn: string, ofView: ReadonlySet<string>): boolean {
  const { change, column } = difference;
  if (change === 'added') return !ofView.has(column.name);
  return (
    change === 'type' &&
    column.name === keyColumn &&
    difference.before.mode === 'NULLABLE' &&
    column.mode === 'REQUIRED'
  );
}

/** Adds to the plan what the partitioning and the clustering of the target need. */
function planLayout(
  target: NonNullable<EvolutionInput['target']>,
  shape: TableShape,
  layout: Layout,
  plan: Evolution,
): void {
  const { partitioning, clustering } = layoutDifference(target, shape, layout);
  const isAltered = shape.loadType === 'merge' && clustering !== null;
  for (const what of [partitioning, isAltered ? null : clustering]) {
    if (what === null) continue;
    plan.newTarget.push(`table ${target.name}: it ${what}`);
    plan.differences.push(`table ${target.name}: it ${what}`);
  }
  if (plan.newTarget.length > 0) plan.refused.push(...layoutFaults(shape, layout));
  else if (isAltered) plan.clustering = clusteringColumns(shape.keyColumn, layout.clusterColumns);
}

function isWidened({ column, before }: Extract<ColumnChange, { change: 'type' }>): boolean {
  const isNullable = before.mode === 'NULLABLE' && column.mode === 'NULLABLE';
  return isNullable && (WIDER[before.type]?.includes(column.type) ?? false);
}

const typeOf = ({ type, mode }: Column): string =>
  mode === 'REPEATED' ? `array<${type.toLowerCase()}>` : type.toLowerCase();

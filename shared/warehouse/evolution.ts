import type { BigQueryType, Column, TableShape } from '../model/columns.ts';
import { type ColumnChange, describeChange } from './columns-match.ts';
import { quoted } from './names.ts';
import type { Layout } from './tables-sql.ts';

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
  /** The columns that the target lacks. Its rows have NULL there until a batch with the whole view is applied. */
  added: Column[];
  /** The columns of the target that the view does not have any more. They stay, and become NULL. */
  dropped: Column[];
  /** Every difference, one sentence each. */
  differences: string[];
  /** The differences that no statement can settle without losing or inventing values, one sentence each. */
  refused: string[];
  /** The statements that an operator can run to settle the refused differences by hand, before a resync. */
  remedies: string[];
};

/** For tables that fit the view. */
export const NO_EVOLUTION: Evolution = {
  statements: [],
  added: [],
  dropped: [],
  differences: [],
  refused: [],
  remedies: [],
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

/** `known` are the columns that the view has had since its target was created: any other column of the target is somebody else's. */
export function planEvolution(
  tables: readonly TableChanges[],
  shape: TableShape,
  layout: Layout,
  known: readonly string[],
): Evolution {
  const plan: Evolution = { ...structuredClone(NO_EVOLUTION), differences: describeChanges(tables) };
  const ofView = new Set(shape.columns.map(({ name }) => name));
  const laidOut = new Set([
    shape.keyColumn,
    layout.partition?.column,
    ...layout.clusterColumns,
    layout.reportColumn,
  ]);
  for (const { table, name, changes, faults } of tables) {
    plan.refused.push(...faults.map((fault) => `table ${name}: ${fault}`));
    const alter = `alter table ${quoted(name)}`;
    for (const difference of changes) {
      const { column } = difference;
      const sentence = `table ${name}: ${describeChange(difference)}`;
      const quotedColumn = quoted(column.name);
      switch (difference.change) {
        case 'added':
          if (!ofView.has(column.name) || column.mode === 'REQUIRED') plan.refused.push(sentence);
          else {
            plan.statements.push(`${alter} add column if not exists ${quotedColumn} ${typeOf(column)};`);
            if (table === 'target') plan.added.push(column);
          }
          break;
        case 'dropped':
          if (!known.includes(column.name)) plan.refused.push(sentence);
          else if (table === 'target') plan.dropped.push(column);
          break;
        case 'spelling':
          plan.refused.push(sentence);
          break;
        case 'type':
          if (isWidened(difference) && !laidOut.has(column.name)) {
            plan.statements.push(
              `${alter} alter column ${quotedColumn} set data type ${column.type.toLowerCase()};`,
            );
          } else {
            plan.refused.push(sentence);
            if (!laidOut.has(column.name)) plan.remedies.push(`${alter} drop column ${quotedColumn};`);
          }
      }
    }
  }
  return plan;
}

function isWidened({ column, before }: Extract<ColumnChange, { change: 'type' }>): boolean {
  const isNullable = before.mode === 'NULLABLE' && column.mode === 'NULLABLE';
  return isNullable && (WIDER[before.type]?.includes(column.type) ?? false);
}

const typeOf = ({ type, mode }: Column): string =>
  mode === 'REPEATED' ? `array<${type.toLowerCase()}>` : type.toLowerCase();

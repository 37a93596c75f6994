import { BOOLEAN, INTEGER, LIST, VARCHAR } from '@duckdb/node-api';
import type { Session } from '../engine.ts';
import { literal, quoted, typeName } from '../field.ts';
import type { DecodedRows } from './decode-rows.ts';
import type { RowColumn, RowFormat } from './row-format.ts';
import type { RowError } from './write-protocol.ts';

const STAGED = 'staged_row';

/** Enough to find out what is wrong; BigQuery does not list every bad row either. */
const MAX_ROW_ERRORS = 1000;

/** Puts rows into a temporary table of the session, in place of those that were there. */
export async function stageRows(session: Session, { columns }: RowFormat, rows: DecodedRows): Promise<void> {
  await session.fillTemporaryTable(STAGED, [
    ...columns.map(({ staged, type, repeated }, index) => ({
      name: staged,
      type: repeated ? LIST(type.staged) : type.staged,
      values: rows.columns[index] ?? [],
    })),
    { name: '$position', type: INTEGER, values: rows.positions },
    { name: '$deleted', type: BOOLEAN, values: rows.deletes },
    { name: '$sequence', type: VARCHAR, values: rows.sequences },
  ]);
}

/** The staged rows that have a value which their table cannot take, in their order. */
export async function unfitRows(session: Session, { columns }: RowFormat): Promise<RowError[]> {
  const checks = columns.flatMap(checksOf);
  if (checks.length === 0) return [];
  const problem = checks.map(({ fails, message }) => `when ${fails} then ${message}`).join(' ');
  const { rows } = await session.query(`
    select "$position", case ${problem} end from ${STAGED}
    where ${checks.map(({ fails }) => fails).join(' or ')} order by 1 limit ${MAX_ROW_ERRORS}`);
  return rows.map(([index, message]) => ({
    index: Number(index),
    code: 'FIELDS_ERROR',
    message: String(message),
  }));
}

/** A query for the staged rows with the columns' values, `$position`, `$deleted` and `$sequence`. */
export function convertedRows({ columns }: RowFormat, defaults: ReadonlyMap<string, string>): string {
  const values = columns.map((column) => {
    const byDefault = column.takesDefault ? defaults.get(column.field.name) : undefined;
    const value =
      byDefault === undefined
        ? column.value
        : `case when ${column.staged} is null then ${byDefault} else ${column.value} end`;
    return `${value} as ${quoted(column.field.name)}`;
  });
  return `select ${[...values, '"$position"', '"$deleted"', '"$sequence"'].join(', ')} from ${STAGED}`;
}

/** In this order: what does not fit cannot be asked for more. */
function checksOf({ field, staged, fits, isStreamable }: RowColumn): { fails: string; message: string }[] {
  const shown = `left(${staged}::varchar, 100)`;
  const unfit = `Field ${field.name}: could not convert value to ${typeName(field).toLowerCase()}: `;
  const outside = `Field ${field.name}: only a time within 10 years in the past and 1 year in the future can be streamed into a partition: `;
  return [
    ...(fits === 'true' ? [] : [{ fails: `not ${fits}`, message: `${literal(unfit)} || ${shown}` }]),
    ...(isStreamable === undefined
      ? []
      : [
          {
            fails: `case when ${fits} then not ${isStreamable} else false end`,
            message: `${literal(outside)} || ${shown}`,
          },
        ]),
  ];
}

import { BOOLEAN, INTEGER, LIST, VARCHAR } from '@duckdb/node-api';
import type { Session } from '../engine.ts';
import { literal, quoted, typeName } from '../field.ts';
import type { DecodedRows } from './decode-rows.ts';
import type { RowColumn, RowFormat } from './row-format.ts';
import type { RowError } from './write-protocol.ts';

const STAGED = 'staged_row';

/** BigQuery does not list every bad row, either; its limit is [not documented]. */
const MAX_ROW_ERRORS = 1000;

/** Replaces the rows of a temporary table of the session. */
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

/** The errors of staged rows with a value that the table cannot take, in the order of the rows. */
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

/** A query for the staged rows, with the values of the columns, `$position`, `$deleted` and `$sequence`. */
export function convertedRows({ columns }: RowFormat): string {
  const values = columns.map(({ field, value }) => `${value} as ${quoted(field.name)}`);
  return `select ${[...values, '"$position"', '"$deleted"', '"$sequence"'].join(', ')} from ${STAGED}`;
}

/** In this order: only a value that fits can be tested for being streamable. */
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

import protobuf from 'protobufjs/light.js';
import type { Column, TableShape } from '../columns.ts';
import { DataHubError } from '../errors.ts';
import { type FieldWriter, fieldWriter, UnfitValue } from './field-writer.ts';
import type { CHANGE_FIELDS } from './proto-field.ts';
import type { StagedRow } from './row-parser.ts';
import { messageDifferences, type StreamMessage } from './stream-message.ts';
import { targetColumns } from './tables-sql.ts';

/** What all rows of a batch carry; the same at every try, so that a repeated row is the same to the byte. */
export type BatchStamp = { etlTransactionId: bigint; updateAt: Date };

/** `ordinal` is the row's place in its batch: in BigQuery a later batch wins, and in a batch the higher ordinal. */
export type RowEncoder = {
  /** The whole row; what is NULL is absent. */
  upsert(row: StagedRow, ordinal: number): Uint8Array;
  /** The key alone. */
  delete(row: StagedRow, ordinal: number): Uint8Array;
};

type EncodedColumn = { name: string; isRequired: boolean; write: FieldWriter };

/** What a staged line may have beside the view's columns. */
const LINE_FIELDS = ['action', 'etl_transaction_id', 'update_at'];

/**
 * Turns staged rows, as `createRowParser` reads them, into encoded messages; rows share nothing but the batch. Throws
 * `schema_drift` when the message is not the one that the view's target needs. A row throws `bad_data`, naming view, key, column
 * and reason, when a value of it would not arrive as it is (I9), or when it has other columns than the view.
 */
export function createRowEncoder(message: StreamMessage, shape: TableShape, batch: BatchStamp): RowEncoder {
  assertFits(message, shape);
  const writerOf = (column: Column): FieldWriter => {
    const field = message.type.fields[column.name];
    if (field === undefined) throw new TypeError(`the message has no field ${column.name}`);
    return fieldWriter(field.id, column);
  };
  const columns = shape.columns.map((column) => ({
    name: column.name,
    isRequired: column.mode === 'REQUIRED',
    write: writerOf(column),
  }));
  const keyOnly = columns.filter(({ name }) => name === shape.keyColumn);
  const known = new Set([...columns.map(({ name }) => name), ...LINE_FIELDS]);
  const writeUpdateAt = writerOf({ name: 'update_at', type: 'TIMESTAMP', mode: 'NULLABLE' });
  const writeNumber = writerOf({ name: 'etl_transaction_id', type: 'INT64', mode: 'NULLABLE' });
  const writeChangeType = writerOf(changeColumn('_CHANGE_TYPE'));
  const writeSequence = writerOf(changeColumn('_CHANGE_SEQUENCE_NUMBER'));
  const updateAt = batch.updateAt.toISOString();
  const number = String(batch.etlTransactionId);
  const sequencePrefix = `${batch.etlTransactionId.toString(16)}/`;

  /** The columns of a row and what makes it a change. */
  function begin(row: StagedRow, written: EncodedColumn[], change: 'UPSERT' | 'DELETE', ordinal: number) {
    for (const name in row) if (!known.has(name)) throw unknownProperty(shape, row, name);
    const writer = protobuf.Writer.create();
    for (const column of written) writeColumn(writer, column, row, shape);
    writeSequence(writer, sequencePrefix + ordinal.toString(16));
    writeChangeType(writer, change);
    return writer;
  }

  return {
    upsert(row, ordinal) {
      const writer = begin(row, columns, 'UPSERT', ordinal);
      writer.uint32(80).int64(1767323045678000);
      writer.uint32(88).int64(77);
      return writer.finish();
    },
    delete: (row, ordinal) => begin(row, keyOnly, 'DELETE', ordinal).finish(),
  };
}

const changeColumn = (name: keyof typeof CHANGE_FIELDS): Column => ({
  name,
  type: 'STRING',
  mode: 'REQUIRED',
});

function writeColumn(
  writer: protobuf.Writer,
  { name, isRequired, write }: EncodedColumn,
  row: StagedRow,
  shape: TableShape,
): void {
  const value = row[name];
  if (value === null && !isRequired) return;
  try {
    if (value === null) throw new UnfitValue('is NULL');
    if (value === undefined) throw new UnfitValue('is missing');
    write(writer, value);
  } catch (error) {
    throw error instanceof UnfitValue ? unfit(shape, row, name, error.message) : error;
  }
}

function unfit(
  { view, keyColumn }: TableShape,
  row: StagedRow,
  column: string,
  reason: string,
): DataHubError {
  return new DataHubError(
    'bad_data',
    `view ${view}: key ${row[keyColumn]}, column ${column}: the value ${reason}`,
    { context: { view, column } },
  );
}

function unknownProperty({ view, keyColumn }: TableShape, row: StagedRow, name: string): DataHubError {
  return new DataHubError(
    'bad_data',
    `view ${view}: key ${row[keyColumn]}: the staged row has ${JSON.stringify(name)}, which is no column of the view`,
    {
      context: { view },
      advice:
        'Look for what else writes to the staging bucket, then redrive the batch: its rows are captured again.',
    },
  );
}

function assertFits(message: StreamMessage, shape: TableShape): void {
  const differences = messageDifferences(targetColumns(shape), message);
  if (differences.length === 0) return;
  throw new DataHubError(
    'schema_drift',
    `view ${shape.view}: proto/${shape.target}.proto does not fit: ${differences.join('; ')}`,
    {
      context: { view: shape.view },
      advice: 'Run npm run generate, commit proto/ and deploy again, then resume the view.',
    },
  );
}

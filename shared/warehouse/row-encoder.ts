import protobuf, { type Writer } from 'protobufjs/light.js';
import { DataHubError } from '../errors.ts';
import type { TableShape } from '../model/columns.ts';
import { formatKey } from '../model/format-key.ts';
import { asProtoInt64, type FieldWriter, fieldTag, fieldWriter, UnfitValue } from './field-writer.ts';
import type { StagedRow } from './row-parser.ts';
import type { StreamMessage } from './stream-message.ts';

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
 * Turns staged rows, as `createRowParser` reads them, into encoded messages; rows share nothing but the batch. The message must
 * be the one that the view's target needs (`messageDifferences`). A row throws `bad_data`, naming view, key, column and reason,
 * when a value of it would not arrive as it is (I9), or when it has other columns than the view.
 */
export function createRowEncoder(message: StreamMessage, shape: TableShape, batch: BatchStamp): RowEncoder {
  const numberOf = (name: string): number => {
    const field = message.type.fields[name];
    if (field === undefined) throw new TypeError(`the message has no field ${name}`);
    return field.id;
  };
  const columns = shape.columns.map((column) => ({
    name: column.name,
    isRequired: column.mode === 'REQUIRED',
    write: fieldWriter(numberOf(column.name), column),
  }));
  const keyOnly = columns.filter(({ name }) => name === shape.keyColumn);
  const known = new Set([...columns.map(({ name }) => name), ...LINE_FIELDS]);
  const tags = {
    updateAt: fieldTag(numberOf('update_at'), 'int64'),
    etlTransactionId: fieldTag(numberOf('etl_transaction_id'), 'int64'),
    changeType: fieldTag(numberOf('_CHANGE_TYPE'), 'string'),
    sequenceNumber: fieldTag(numberOf('_CHANGE_SEQUENCE_NUMBER'), 'string'),
  };
  const updateAtMicros = batch.updateAt.getTime() * 1000;
  const etlTransactionId = asProtoInt64(batch.etlTransactionId);
  const sequencePrefix = `${batch.etlTransactionId.toString(16)}/`;

  function begin(
    row: StagedRow,
    written: EncodedColumn[],
    change: 'UPSERT' | 'DELETE',
    ordinal: number,
  ): Writer {
    for (const name in row) if (!known.has(name)) throw unknownProperty(shape, row, name);
    const writer = protobuf.Writer.create();
    for (const column of written) writeColumn(writer, column, row, shape);
    writer.uint32(tags.sequenceNumber).string(sequencePrefix + ordinal.toString(16));
    writer.uint32(tags.changeType).string(change);
    return writer;
  }

  return {
    upsert(row, ordinal) {
      const writer = begin(row, columns, 'UPSERT', ordinal);
      writer.uint32(tags.updateAt).int64(updateAtMicros);
      writer.uint32(tags.etlTransactionId).int64(etlTransactionId);
      return writer.finish();
    },
    delete: (row, ordinal) => begin(row, keyOnly, 'DELETE', ordinal).finish(),
  };
}

function writeColumn(
  writer: Writer,
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
    `view ${view}: key ${formatKey(row[keyColumn])}, column ${column}: the value ${reason}`,
    { context: { view, column } },
  );
}

function unknownProperty({ view, keyColumn }: TableShape, row: StagedRow, name: string): DataHubError {
  return new DataHubError(
    'bad_data',
    `view ${view}: key ${formatKey(row[keyColumn])}: the staged row has ${JSON.stringify(name)}, which is no column of the view`,
    {
      context: { view },
      advice:
        'Look for what else writes to the staging bucket, then redrive the batch: its rows are captured again.',
    },
  );
}

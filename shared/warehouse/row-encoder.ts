import protobuf, { type Writer } from 'protobufjs/light.js';
import { DataHubError } from '../errors.ts';
import type { TableShape } from '../model/columns.ts';
import { formatKey } from '../model/format-key.ts';
import { policyAdvice } from '../model/resume-advice.ts';
import { asProtoInt64, type FieldWriter, fieldTag, fieldWriter, UnfitValue } from './field-writer.ts';
import type { StagedRow } from './row-parser.ts';
import type { StreamMessage } from './stream-message.ts';

/** The values that all rows of a batch share. They are the same at every attempt, so that a repeated row has the same bytes (I5). */
export type BatchStamp = { etlTransactionId: bigint; updateAt: Date };

/** `ordinal` is the row's position in its batch. In BigQuery the later batch wins, and within a batch the higher ordinal. */
export type RowEncoder = {
  /** Encodes the whole row. A NULL becomes an absent field. */
  upsert(row: StagedRow, ordinal: number): Uint8Array;
  /** Encodes the key alone. */
  delete(row: StagedRow, ordinal: number): Uint8Array;
};

type EncodedColumn = { name: string; isRequired: boolean; write: FieldWriter };

/** The properties that a staged line may have besides the view's columns. */
const LINE_FIELDS = ['action', 'etl_transaction_id', 'update_at'];

/**
 * Encodes staged rows, as `createRowParser` returns them, as protobuf messages. The encoding of a row depends only on the row and its
 * batch. The message must be that of the shape (`streamMessage`). Encoding throws `bad_data`, naming view, key, column and reason,
 * for a value that the message cannot hold exactly (I9), and for a row whose columns are not the view's.
 */
export function createRowEncoder(message: StreamMessage, shape: TableShape, batch: BatchStamp): RowEncoder {
  const fieldNumber = (name: string): number => {
    const field = message.type.fields[name];
    if (field === undefined) throw new TypeError(`the message has no field ${name}`);
    return field.id;
  };
  const columns = shape.columns.map((column) => ({
    name: column.name,
    isRequired: column.mode === 'REQUIRED',
    write: fieldWriter(fieldNumber(column.name), column),
  }));
  const keyOnly = columns.filter(({ name }) => name === shape.keyColumn);
  const known = new Set([...columns.map(({ name }) => name), ...LINE_FIELDS]);
  const tags = {
    updateAt: fieldTag(fieldNumber('update_at'), 'int64'),
    etlTransactionId: fieldTag(fieldNumber('etl_transaction_id'), 'int64'),
    changeType: fieldTag(fieldNumber('_CHANGE_TYPE'), 'string'),
    sequenceNumber: fieldTag(fieldNumber('_CHANGE_SEQUENCE_NUMBER'), 'string'),
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
  // A column may have a name that every object has, such as constructor.
  const value = Object.hasOwn(row, name) ? row[name] : undefined;
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
    { advice: policyAdvice(view, column === keyColumn ? [] : [column]), context: { view, column } },
  );
}

function unknownProperty({ view, keyColumn }: TableShape, row: StagedRow, name: string): DataHubError {
  return new DataHubError(
    'bad_data',
    `view ${view}: key ${formatKey(row[keyColumn])}: the staged row has ${JSON.stringify(name)}, which is not a column of the view`,
    {
      context: { view },
      advice:
        'Find out what else writes to the staging bucket. Then redrive the view: its rows are captured again.',
    },
  );
}

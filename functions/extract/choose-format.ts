import type { EtlTransaction } from '../../shared/model/batch.ts';
import type { Column, TableShape } from '../../shared/model/columns.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { avroFormat } from '../../shared/staging/format/avro-format.ts';
import { fitsAvro } from '../../shared/staging/format/avro-schema.ts';
import { jsonFormat } from '../../shared/staging/format/json-format.ts';
import { protoFormat } from '../../shared/staging/format/proto-format.ts';
import type { RowFormat, RowStamp } from '../../shared/staging/format/row-format.ts';
import { streamMessage } from '../../shared/warehouse/stream-message.ts';

const ETL_TRANSACTION_ID: Column = { name: 'etl_transaction_id', type: 'INT64', mode: 'REQUIRED' };
const ACTION: Column = { name: 'action', type: 'STRING', mode: 'REQUIRED' };
const UPDATE_AT: Column = { name: 'update_at', type: 'TIMESTAMP', mode: 'REQUIRED' };

/** The format in which the rows of a batch are staged: as its apply reads them. */
export function chooseFormat(
  { shape }: Pick<SourceView, 'shape'>,
  batch: Pick<EtlTransaction, 'id' | 'startedAt'>,
  isDirectLoad: boolean,
): RowFormat {
  const { columns, loadType } = shape;
  if (loadType === 'bq-storage-api' && !isDirectLoad) return messageFormat(shape, batch);
  const stamp = isDirectLoad ? directLoadStamp(batch) : batchStamp(batch);
  return fitsAvro(columns) ? avroFormat(columns, stamp) : jsonFormat(columns, stamp);
}

function messageFormat(
  shape: TableShape,
  { id, startedAt }: Pick<EtlTransaction, 'id' | 'startedAt'>,
): RowFormat {
  const { descriptor } = streamMessage(shape);
  const numbers = (descriptor.field ?? []).map(({ name, number }) => [String(name), Number(number)] as const);
  return protoFormat(shape.columns, {
    descriptor: { ...descriptor },
    numbers: new Map(numbers),
    etlTransactionId: id,
    updateAt: startedAt,
  });
}

/** What rows have in the temp table: the action by which they are counted, and the id of their batch. */
function batchStamp({ id }: Pick<EtlTransaction, 'id'>): RowStamp {
  return {
    columns: [ACTION, ETL_TRANSACTION_ID],
    write(writer, index, action) {
      const text = Buffer.from(action);
      if (index === 0) writer.text(text, 0, text.length);
      else writer.bigint(id);
    },
  };
}

/** What rows have that a load job brings straight into a streamed target. */
function directLoadStamp({ id, startedAt }: Pick<EtlTransaction, 'id' | 'startedAt'>): RowStamp {
  return {
    columns: [UPDATE_AT, ETL_TRANSACTION_ID],
    write(writer, index) {
      if (index === 0) writer.integer(startedAt.getTime() * 1000);
      else writer.bigint(id);
    },
  };
}

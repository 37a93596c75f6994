import type { EtlTransaction } from '../../shared/model/batch.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { avroFormat } from '../../shared/staging/format/avro-format.ts';
import { fitsAvro } from '../../shared/staging/format/avro-schema.ts';
import { jsonFormat } from '../../shared/staging/format/json-format.ts';
import { protoFormat } from '../../shared/staging/format/proto-format.ts';
import type { RowFormat } from '../../shared/staging/format/row-format.ts';
import { streamMessage } from '../../shared/warehouse/stream-message.ts';
import { batchStamp, directLoadStamp } from './row-stamps.ts';

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

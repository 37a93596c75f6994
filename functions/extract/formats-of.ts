import type { EtlTransaction } from '../../shared/model/batch.ts';
import type { TableShape } from '../../shared/model/columns.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { avroFormat } from '../../shared/staging/format/avro-format.ts';
import { fitsAvro } from '../../shared/staging/format/avro-schema.ts';
import { jsonFormat } from '../../shared/staging/format/json-format.ts';
import { protoFormat } from '../../shared/staging/format/proto-format.ts';
import type { RowFormat } from '../../shared/staging/format/row-format.ts';
import { messageDescriptor } from '../../shared/warehouse/message-descriptor.ts';
import { batchStamp, directLoadStamp } from './row-stamps.ts';

/** The formats in which the rows of a batch can be staged, as its apply reads them. The next one takes rows that are too long for the one before. */
export function formatsOf(
  { shape }: Pick<SourceView, 'shape'>,
  batch: Pick<EtlTransaction, 'id' | 'startedAt' | 'isDirectLoad'>,
): RowFormat[] {
  const { columns, loadType } = shape;
  const { isDirectLoad } = batch;
  if (loadType === 'bq-storage-api' && !isDirectLoad) return [messageFormat(shape, batch)];
  const stamp = isDirectLoad ? directLoadStamp(batch, loadType) : batchStamp(batch);
  const json = jsonFormat(columns, stamp);
  return fitsAvro(columns) ? [avroFormat(columns, stamp), json] : [json];
}

function messageFormat(
  shape: TableShape,
  { id, startedAt }: Pick<EtlTransaction, 'id' | 'startedAt'>,
): RowFormat {
  const descriptor = messageDescriptor(shape);
  const numbers = (descriptor.field ?? []).map(({ name, number }) => [String(name), Number(number)] as const);
  return protoFormat(shape.columns, {
    descriptor: { ...descriptor },
    numbers: new Map(numbers),
    etlTransactionId: id,
    updateAt: startedAt,
  });
}

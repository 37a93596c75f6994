import type { EtlTransaction } from '../../shared/model/batch.ts';
import type { Column } from '../../shared/model/columns.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { jsonFormat } from '../../shared/staging/format/json-format.ts';
import type { RowFormat, RowStamp } from '../../shared/staging/format/row-format.ts';

const ETL_TRANSACTION_ID: Column = { name: 'etl_transaction_id', type: 'INT64', mode: 'REQUIRED' };
const ACTION: Column = { name: 'action', type: 'STRING', mode: 'REQUIRED' };
const UPDATE_AT: Column = { name: 'update_at', type: 'TIMESTAMP', mode: 'REQUIRED' };

/** The format in which the rows of a batch are staged: as its apply reads them. */
export function chooseFormat(
  { shape }: Pick<SourceView, 'shape'>,
  batch: Pick<EtlTransaction, 'id' | 'startedAt'>,
  isDirectLoad: boolean,
): RowFormat {
  return jsonFormat(shape.columns, isDirectLoad ? directLoadStamp(batch) : batchStamp(batch));
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

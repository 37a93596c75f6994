import type { EtlTransaction } from '../../shared/model/batch.ts';
import type { Column, LoadType } from '../../shared/model/columns.ts';
import type { RowStamp } from '../../shared/staging/format/row-format.ts';

const ETL_TRANSACTION_ID: Column = { name: 'etl_transaction_id', type: 'INT64', mode: 'NULLABLE' };
const ACTION: Column = { name: 'action', type: 'STRING', mode: 'NULLABLE' };
const IS_DELETED: Column = { name: 'is_deleted', type: 'BOOL', mode: 'NULLABLE' };
const UPDATE_AT: Column = { name: 'update_at', type: 'TIMESTAMP', mode: 'NULLABLE' };

/** What rows have in the temp table: the action by which they are counted, and the id of their batch. */
export function batchStamp({ id }: Pick<EtlTransaction, 'id'>): RowStamp {
  return {
    columns: [ACTION, ETL_TRANSACTION_ID],
    write(writer, index, action) {
      const text = Buffer.from(action);
      if (index === 0) writer.text(text, 0, text.length);
      else writer.bigint(id);
    },
  };
}

/** What rows have that a load job brings straight into the target: its columns besides those of the view. */
export function directLoadStamp(
  { id, startedAt }: Pick<EtlTransaction, 'id' | 'startedAt'>,
  loadType: LoadType,
): RowStamp {
  return {
    columns: [UPDATE_AT, ETL_TRANSACTION_ID, ...(loadType === 'merge' ? [IS_DELETED] : [])],
    write(writer, index) {
      if (index === 0) writer.integer(startedAt.getTime() * 1000);
      else if (index === 1) writer.bigint(id);
      else writer.boolean(false);
    },
  };
}

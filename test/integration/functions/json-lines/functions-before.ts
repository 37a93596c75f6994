import { z } from 'zod';
import { BIG_QUERY_TYPES } from '../../../../shared/model/columns.ts';

// Rules of the functions that knew JSON lines alone, word for word: what they do with a batch that was staged since.

const stagedObject = z.object({ name: z.string(), rows: z.number(), bytes: z.number(), md5: z.string() });

const column = z.object({
  name: z.string(),
  type: z.enum(BIG_QUERY_TYPES),
  mode: z.enum(['REQUIRED', 'NULLABLE', 'REPEATED']),
});

/** A manifest that does not fit is taken for lost: the batch is abandoned, and its changes are captured again. */
export const manifestBefore = z.object({
  view: z.string(),
  etl_transaction_id: z.string(),
  columns: z.array(column),
  is_direct_load: z.boolean(),
  upserts: z.number(),
  deletes: z.number(),
  bytes: z.number(),
  objects: z.array(stagedObject),
});

/** `merge` retries the event of such a batch, and changes nothing. The row is that of etl.etl_transaction. */
export function isBeingLoadedBefore(row: Record<string, unknown>): boolean {
  const hasRows = Number(row.staged_upserts) + Number(row.staged_deletes) > 0;
  return row.state === 'staged' && row.load_attempt === 1 && row.load_job_id === null && hasRows;
}

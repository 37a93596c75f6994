import type { DmlStats } from '../job.ts';
import type { Outcome } from './statement-context.ts';

/** The statistics of DML: https://cloud.google.com/bigquery/docs/reference/rest/v2/DmlStats */
export function dmlOutcome(
  statementType: string,
  rows: { inserted?: number; updated?: number; deleted?: number },
): Outcome {
  const { inserted = 0, updated = 0, deleted = 0 } = rows;
  const dmlStats: DmlStats = {
    insertedRowCount: String(inserted),
    updatedRowCount: String(updated),
    deletedRowCount: String(deleted),
  };
  return {
    statistics: { statementType, dmlStats, numDmlAffectedRows: String(inserted + updated + deleted) },
  };
}

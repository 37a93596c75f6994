import { DataHubError } from '../errors.ts';
import type { Counts } from '../model/batch.ts';
import { type Attempt, contextOf } from './attempt.ts';
import { raisedCode } from './procedure-sql.ts';

/** How one attempt at merging a batch ended. */
export type MergeOutcome =
  | { state: 'applied'; counts: Counts }
  /** The job outlives the caller's deadline. */
  | { state: 'running' }
  /** The staged rows are gone from the temp table. */
  | { state: 'staging_lost'; error: DataHubError }
  /** The job of this attempt's name is another batch's. */
  | { state: 'batch_id_collision'; error: DataHubError }
  | { state: 'failed'; error: DataHubError };

/** The counts that the procedure's last statement answered. */
export function countsOf(row: Record<string, unknown> | undefined, attempt: Attempt): Counts {
  if (row === undefined) {
    throw new DataHubError('warehouse', 'the merge procedure answered no counts', {
      context: contextOf(attempt),
    });
  }
  const count = (name: string) => BigInt(String(row[name]));
  return { added: count('added'), changed: count('changed'), deleted: count('deleted') };
}

/** What a failed merge job means: the procedure's own codes first, BigQuery's reason else. */
export function mergeFailure(
  failed: { error: DataHubError; message: string },
  attempt: Attempt,
): MergeOutcome {
  const within = (kind: 'merge_refused' | 'bad_data' | 'staging_lost' | 'transient') =>
    new DataHubError(kind, failed.error.message, {
      context: { ...failed.error.context, ...contextOf(attempt) },
    });
  const raised = raisedCode(failed.message);
  switch (raised) {
    case 'staging_lost':
      return { state: 'staging_lost', error: within('staging_lost') };
    case 'conflict':
      return { state: 'failed', error: within('transient') };
    case 'duplicate_key':
      return { state: 'failed', error: within('bad_data') };
    case 'superseded':
    case 'refused':
      return { state: 'failed', error: within('merge_refused') };
    case null:
      return { state: 'failed', error: failed.error };
  }
}

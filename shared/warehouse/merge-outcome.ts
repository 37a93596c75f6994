import { DataHubError } from '../errors.ts';
import { adviceForCause, kindOfJobError } from '../google/google-errors.ts';
import type { Counts } from '../model/batch.ts';
import { type Attempt, contextOf } from './attempt.ts';
import { raisedCode } from './procedure-sql.ts';
import { LEDGER_ADVICE } from './tables-gone.ts';

/** How one attempt to merge a batch ended. */
export type MergeOutcome =
  /** `targetRows`: the rows that are not deleted after a complete batch; null where the procedure did not count them. */
  | { state: 'applied'; counts: Counts; targetRows: bigint | null }
  /** The job outlives the caller's deadline. */
  | { state: 'running' }
  /** The staged rows are gone from the temp table. */
  | { state: 'staging_lost'; error: DataHubError }
  /** The job with this attempt's id belongs to another batch. */
  | { state: 'batch_id_collision'; error: DataHubError }
  | { state: 'failed'; error: DataHubError };

/** Reads what the procedure's last statement returns. */
export function appliedMerge(row: Record<string, unknown> | undefined, attempt: Attempt): MergeOutcome {
  if (row === undefined) {
    throw new DataHubError('warehouse', 'the merge procedure returned no counts', {
      context: contextOf(attempt),
      advice: `Somebody replaced the procedure of the view. Send ${JSON.stringify({ view: attempt.view, redrive: true })}: the procedure is made again.`,
    });
  }
  const count = (name: string) => BigInt(String(row[name]));
  // A procedure of release 0.2.0 returns neither the count of unchanged rows nor that of the target.
  const unchanged = row.unchanged === undefined ? 0n : count('unchanged');
  const counts = { added: count('added'), changed: count('changed'), deleted: count('deleted'), unchanged };
  return {
    state: 'applied',
    counts,
    targetRows: (row.target_rows ?? null) === null ? null : count('target_rows'),
  };
}

/**
 * What BigQuery says where another attempt may succeed, whatever the reason: https://cloud.google.com/bigquery/docs/troubleshoot-queries, https://cloud.google.com/bigquery/docs/troubleshoot-quotas.
 * The last one is that of a procedure of an earlier release, which rolls a cancelled transaction back.
 */
const PASSING =
  /concurrent update|could not serialize|exceeded rate limits|quota exceeded|too many DML statements outstanding|internal error|please retry|(?:currently|temporarily) unavailable|no active transaction/i;

/** How BigQuery begins the message of the reason `notFound`. */
const NOT_FOUND = /\bNot found: (?:Dataset|Routine|Table) /;

const DUPLICATE_KEYS =
  'Find out what else writes to the temp table or the staging bucket, then redrive the view: its rows are staged again.';
/** The procedure's message ends with the statement. BigQuery may add where the procedure raised it. */
function repeatedRows(view: string, message: string): string {
  const statement = /\bdelete from .* having count\(\*\) > 1\)/.exec(message)?.[0];
  return `Find out what else writes to the target. Then run in BigQuery: ${statement ?? 'the statement of the message'}; Then send {"view":"${view}","resync":true}: it adds these rows again, each once.`;
}
const SUPERSEDED =
  'Another control database has merged a newer batch into this target: stop the one that is not wanted. Then resync the view.';
const REFUSED =
  'Somebody else has written newer batch ids into the target. If a second control database feeds it, stop that one. Then redrive the view: it goes on above them.';

/**
 * Classifies the failure of a merge job by the code that the procedure raised, or else by BigQuery's reason. `statements` are the reasons of the statements
 * that failed: an error that a handler raises again has a message, a stack trace and a text of the statement, and need not keep its reason
 * (https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#raise).
 */
export function mergeFailure(
  failed: { error: DataHubError; message: string },
  attempt: Attempt,
  statements: readonly string[],
): MergeOutcome {
  const failure = (kind: 'merge_refused' | 'bad_data' | 'staging_lost' | 'transient', advice?: string) =>
    new DataHubError(kind, failed.error.message, {
      ...(advice !== undefined && { advice }),
      context: { ...failed.error.context, ...contextOf(attempt) },
    });
  const raised = raisedCode(failed.message);
  switch (raised) {
    case 'staging_lost':
      return { state: 'staging_lost', error: failure('staging_lost') };
    case 'conflict':
      return { state: 'failed', error: failure('transient') };
    case 'duplicate_key':
      return { state: 'failed', error: failure('bad_data', DUPLICATE_KEYS) };
    case 'repeated_rows':
      return { state: 'failed', error: failure('merge_refused', repeatedRows(attempt.view, failed.message)) };
    case 'ledger_lost':
      return { state: 'failed', error: failure('merge_refused', LEDGER_ADVICE) };
    case 'superseded':
      return { state: 'failed', error: failure('merge_refused', SUPERSEDED) };
    case 'refused':
      return { state: 'failed', error: failure('merge_refused', REFUSED) };
    case null: {
      const passes =
        PASSING.test(failed.message) || statements.some((reason) => kindOfJobError(reason) === 'transient');
      if (passes) return { state: 'failed', error: failure('transient') };
      const causes = [...statements, NOT_FOUND.test(failed.message) && 'notFound'];
      const { advice = failed.error.advice } = adviceForCause(...causes);
      return { state: 'failed', error: failed.error.withAdvice(advice) };
    }
  }
}

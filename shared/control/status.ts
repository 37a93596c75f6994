import type pg from 'pg';
import { readOnly } from '../postgres/transaction.ts';

/** The state of a view, for an operator. Times are ISO 8601. */
export type ViewStatus = {
  view: string;
  state: 'running' | 'not enabled' | 'paused' | 'halted';
  haltedReason: string | null;
  /** Seconds since the start of the last capture that was applied or found nothing to do; since the import when there was none. */
  behindSeconds: number;
  resyncRequested: boolean;
  /** Why rows of the target may be wrong until the view is resynced; null if nothing is known. */
  resyncAdvised: string | null;
  inFlight: { etlTransactionId: string; kind: string; state: string; attempt: number; since: string } | null;
  lastApplied: { etlTransactionId: string; appliedAt: string } | null;
};

/** An unresolved failure. */
export type OpenFailure = {
  id: string;
  occurredAt: string;
  functionName: string;
  view: string | null;
  message: string;
  advice: string;
  event: string | null;
};

const FAILURES = 50;

/** The state of views and failures, as an operator reads it. */
export function createStatus(pool: pg.Pool) {
  return {
    /** The state of every view, or of one view, by the control database's clock. */
    async views(view?: string): Promise<ViewStatus[]> {
      const { rows } = await readOnly(
        pool,
        'control',
        `select v.name as view,
           case when not v.enabled then 'not enabled' when v.halted_at is not null then 'halted'
                when v.paused then 'paused' else 'running' end as state,
           v.halted_reason as "haltedReason",
           extract(epoch from now() - coalesce(v.captured_at, v.imported_at))::float8 as "behindSeconds",
           v.resync_requested_at is not null as "resyncRequested", v.resync_advised_reason as "resyncAdvised",
           (select jsonb_build_object('etlTransactionId', t.id::text, 'kind', t.kind, 'state', t.state,
              'attempt', t.attempt, 'since', t.started_at)
            from etl.etl_transaction t where t.view_name = v.name and t.state in ('extracting', 'staged', 'applying')
           ) as "inFlight",
           (select jsonb_build_object('etlTransactionId', t.id::text, 'appliedAt', t.applied_at)
            from etl.etl_transaction t where t.view_name = v.name and t.state = 'applied' order by t.id desc limit 1
           ) as "lastApplied"
         from etl.view_source v where v.name = $1 or $1 is null order by v.name`,
        [view ?? null],
      );
      return rows as ViewStatus[];
    },

    /** The unresolved failures, newest first, at most 50. */
    async openFailures(view?: string): Promise<OpenFailure[]> {
      const { rows } = await readOnly(
        pool,
        'control',
        `select id::text, occurred_at as "occurredAt", function_name as "functionName", view_name as view, message, advice, event
         from etl.etl_error where resolved_at is null and (view_name = $1 or $1 is null) order by id desc limit $2`,
        [view ?? null, FAILURES],
      );
      return rows as OpenFailure[];
    },
  };
}

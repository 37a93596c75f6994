import type pg from 'pg';
import type { ErrorKind } from '../errors.ts';
import { readOnly } from '../postgres/transaction.ts';

/** The state of a view, for an operator. Times are ISO 8601. */
export type ViewStatus = {
  view: string;
  state: 'running' | 'not enabled' | 'paused' | 'halted';
  haltedReason: string | null;
  /** Seconds since the start of the last capture that was applied or found nothing to do; since the import when there was none. */
  behindSeconds: number;
  resyncRequested: boolean;
  /** Log rows skipped since the import, because their object id is no value of the key's type. */
  badKeys: string;
  inFlight: { etlTransactionId: string; kind: string; state: string; attempt: number; since: string } | null;
  lastApplied: { etlTransactionId: string; appliedAt: string } | null;
};

/** An unresolved failure. */
export type OpenFailure = {
  id: string;
  occurredAt: string;
  functionName: string;
  view: string | null;
  kind: ErrorKind;
  /** Whether the view stands still because of it. */
  haltsView: boolean;
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
           v.resync_requested_at is not null as "resyncRequested", v.bad_keys::text as "badKeys",
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

    /** The unresolved failures: first those that halt a view, then the others, newest first, at most 50; and how many there are in all. */
    async openFailures(view?: string): Promise<{ failures: OpenFailure[]; failuresInAll: number }> {
      const { rows } = await readOnly(
        pool,
        'control',
        `select e.id::text, e.occurred_at as "occurredAt", e.function_name as "functionName", e.view_name as view, e.kind,
           e.halts_view as "haltsView", e.message, e.advice, e.event, (count(*) over ())::int4 as in_all
         from etl.etl_error e where e.resolved_at is null and (e.view_name = $1 or $1 is null)
         order by e.halts_view desc, e.id desc limit $2`,
        [view ?? null, FAILURES],
      );
      const failures = rows.map(({ in_all, ...failure }) => failure as OpenFailure);
      return { failures, failuresInAll: (rows[0]?.in_all as number | undefined) ?? 0 };
    },
  };
}

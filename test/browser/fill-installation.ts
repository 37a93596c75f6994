import { importConfiguration } from '../../shared/operations/import-configuration.ts';
import { type Installation, SITE_ENTRY, STREAMED_ENTRY } from '../support/installation.ts';

/** Stands in rows of the source and of the target, and in an event: only operators may see it. */
export const SECRET = 'a value of a row';

/** One view in each state that the pages know, beside `pmr_project`, which is ok and differs from its target. */
const STATES = {
  pmr_behind: `update etl.view_source set captured_at = now() - interval '3 hours'`,
  pmr_over_budget: `update etl.view_source set daily_budget_bytes = 1000`,
  pmr_halted: `update etl.view_source set halted_at = now(), halted_reason = 'view pmr_halted: key 7, column name: the value is too long'`,
  pmr_new: `update etl.view_source set captured_at = now()`,
  pmr_not_enabled: `update etl.view_source set enabled = false`,
  pmr_paused: `update etl.view_source set paused = true, paused_at = now(), paused_by = 'olga@example.com', paused_reason = 'the source moves'`,
  pmr_retrying: `update etl.view_source set captured_at = now()`,
  pmr_unfinished: `update etl.view_source set captured_at = now(), resync_advised_at = now(), resync_advised_reason = 'a lookup row was renamed'`,
} as const;

const VIEWS = Object.keys(STATES);

/**
 * Fills an installation that has STREAMED_ENTRY with a past: batches that the functions made and others that only the control database
 * knows, views in every state, failures, checks with and without differences, changes of views, and what operators have asked for.
 */
export async function fillInstallation(on: Installation): Promise<void> {
  await on.source.add('app_company', { id: 1, name: 'Acme' });
  for (let id = 1; id <= 5; id += 1) {
    await on.source.add('app_project', { id, name: `Project ${id}`, company_id: 1, share: 1234.5 });
  }
  await on.source.add('app_incident', { id: 1, status: 'open' }, { id: 2, status: 'closed' });
  await on.catchUp('pmr_project');
  await on.catchUp(STREAMED_ENTRY.name);
  await on.source.change('app_project', 1, { name: 'Project one' });
  await on.replicate();
  await differ(on);
  await importViews(on);
  for (const statement of PAST) await on.control.query(statement);
}

/** One row bypassed the log, and one was changed in BigQuery. */
async function differ(on: Installation): Promise<void> {
  await on.reconcile({}, STREAMED_ENTRY.name);
  await on.source.database.query(
    `update app_project set name = '${SECRET}', share = 123456789.125 where id = 2`,
  );
  await on.query(`update ${on.targetTable()} set name = '${SECRET}' where project_id = 3`);
  await on.reconcile();
}

/** Views of the same rows under other names. */
async function importViews(on: Installation): Promise<void> {
  const { database } = on.source;
  for (const view of VIEWS)
    await database.query(`create view ${view} as select * from pmr_site; grant select on ${view} to reader`);
  const entries = VIEWS.map((name) => ({ ...SITE_ENTRY, name, target_name: name.replace('pmr_', '') }));
  await importConfiguration({ entries }, on.dependencies);
  for (const [view, statement] of Object.entries(STATES)) {
    await on.control.query(`${statement} where name = $1`, [view]);
  }
}

/** Of a day: a batch every quarter of an hour, as the functions record them. */
const BATCHES = `
  insert into etl.etl_transaction (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, staged_upserts, staged_deletes,
    rows_added, rows_changed, rows_deleted, rows_unchanged, log_rows, staged_bytes, load_job_id, apply_job_id, started_at, staged_at, applied_at,
    ended_at, oldest_change_at, lag, bytes_billed, slot_ms, source_rows, target_rows, is_consistent, policy_values)
  select view, 'incremental', 'tick', 'applied', gen_random_uuid(), '{"floorId":"1","seen":"{}","witness":null,"horizons":[]}', view || '/' || n || '/',
    1200, 3, n * 7, 1000 + n * 11, n % 4, 12, 1300 + n * 11, 45000 + n * 900, 'load_' || view || '_' || n, 'merge_' || view || '_' || n,
    at, at + interval '4 s', at + interval '12 s', at + interval '12 s', at - interval '50 s', interval '62 s', 10485760, 1500, 1234567, 1234567,
    case when n = 1 then false when n % 8 = 0 then true end, case when n = 1 then '{"name": 3}'::jsonb else '{}' end
  from unnest(array['pmr_behind', 'pmr_halted', 'pmr_paused', 'pmr_retrying', 'pmr_unfinished', 'pmr_over_budget']) as view
  cross join generate_series(1, 95) as n cross join lateral (select now() - n * interval '15 minutes' as at) t
  order by n desc`;

const PAST = [
  BATCHES,
  `insert into etl.job_usage (job_id, view_name, etl_transaction_id, bytes_billed, slot_ms, ended_at)
   select apply_job_id, view_name, id, bytes_billed, slot_ms, applied_at from etl.etl_transaction where apply_job_id like 'merge_pmr%'`,
  `insert into etl.job_usage (job_id, view_name, bytes_billed, slot_ms, ended_at)
   values ('check_now', 'pmr_over_budget', 50000000000, 1, now())`,
  `insert into etl.etl_transaction (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, started_at, staged_at, load_job_id, attempt)
   values ('pmr_unfinished', 'resync', 'manual', 'applying', gen_random_uuid(), '{}', 'pmr_unfinished/x/', now() - interval '30 s', now(), 'load_x', 3)`,
  `insert into etl.etl_transaction (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, ended_at, error)
   select v.name, 'incremental', 'tick', 'failed', gen_random_uuid(), '{}', 'pmr_halted/x/', now(), v.halted_reason
   from etl.view_source v where v.name = 'pmr_halted'`,
  `insert into etl.view_retry (view_name, function_name, kind, message, advice, attempts, next_attempt_at)
   values ('pmr_retrying', 'merge', 'transient', 'BigQuery does not answer', 'Nothing to do: it is tried again.', 4, now() + interval '1 minute')`,
  `insert into etl.etl_error (function_name, view_name, etl_transaction_id, kind, message, advice, event, halts_view)
   select 'extract', v.name, t.id, 'bad_data', v.halted_reason, 'Shorten the value, then redrive the view.', '{"view":"pmr_halted","note":"${SECRET}"}', true
   from etl.view_source v join etl.etl_transaction t on t.view_name = v.name and t.state = 'failed'`,
  `insert into etl.etl_error (occurred_at, function_name, view_name, kind, code, message, advice, event, column_name)
   select now() - n * interval '1 minute', 'merge', 'pmr_project', 'warehouse', 'quotaExceeded', 'job merge_' || n || ': too many updates of the table',
     'Wait, then redrive the event.', '{"view":"pmr_project","etlTransactionId":"' || n || '"}', 'name' from generate_series(1, 3) as n`,
  `insert into etl.etl_error (function_name, kind, message, advice, event, resolved_at)
   values ('extract', 'invalid_event', 'the event is not JSON', 'Find who published it.', 'no JSON', now())`,
  `insert into etl.consistency_check (view_name, mode, since_days, trigger, repairs, state, cuts, parts_done, source_rows, target_rows)
   values ('pmr_paused', 'since', 7, 'schedule', true, 'comparing', '["1","2","3"]', 2, 1234567, 1234567)`,
  `insert into etl.consistency_check (view_name, mode, trigger, repairs, state, ended_at, error)
   values ('pmr_behind', 'keys', 'schedule', false, 'failed', now(), 'no moment was quiet enough')`,
  `insert into etl.schema_change (view_name, kind, action, details) values ('pmr_project', 'columns', 'evolved', '{"added": ["remark"]}')`,
  `insert into etl.queued_key (view_name, key, kind) select 'pmr_project', n::text, 'backfill' from generate_series(1, 3) as n`,
  `insert into etl.audit (request_id, requested_by, via, action, views, reason, request, outcome, result, error_kind, error, advice, ended_at)
   values ('a', 'olga@example.com', 'page', 'pause', '{pmr_paused}', 'the source moves', '{"command":"pause"}', 'paused', '{"view":"pmr_paused"}', null, null, null, now()),
     ('b', null, 'message', 'resync', '{pmr_project,pmr_site}', null, '{}', null, null, 'configuration', 'the view has another key', 'Give it its key.', now()),
     ('c', 'otto@example.com', 'call', 'run', '{pmr_project}', null, '{}', null, null, null, null, null, null)`,
];

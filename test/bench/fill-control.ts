import type pg from 'pg';
import { createControl } from '../../shared/control/control.ts';
import { viewSourceEntry } from '../../shared/model/view-source-entry.ts';

/** The size of a control database; failures, checks and jobs are in proportion. */
export type ControlSize = { transactions: number; views: number };

/** The past that the rows of the database cover. */
const DAYS = 90;

/** The view sources are named `view_001`, `view_002` … */
export const viewName = (n: number): string => `view_${String(n).padStart(3, '0')}`;

/**
 * Fills a migrated, empty control database, inside the database itself, with the past of an installation: every view has a batch at even
 * intervals, of which the first is its initial load; every hundredth was abandoned; a check every night; failures of thirty reasons, of which
 * every fiftieth is open; the jobs of each batch with what they billed.
 */
export async function fillControl(pool: pg.Pool, { transactions, views }: ControlSize): Promise<void> {
  await createControl(pool).viewSources.import(
    Array.from({ length: views }, (_, i) => ({
      ...viewSourceEntry.parse({
        name: viewName(i + 1),
        target_name: `target_${i + 1}`,
        main_table: `app_table_${i + 1}`,
        app_label: 'app',
        model: `model_${i + 1}`,
        key_column: 'id',
        load_type: i % 4 === 3 ? 'bq-storage-api' : 'merge',
      }),
      content_type_id: i + 1,
    })),
  );
  const seconds = (DAYS * 86_400) / transactions;
  for (const statement of STATEMENTS) {
    const values = statement.includes('$3') ? [transactions, views, seconds] : [transactions, views];
    await pool.query(statement, statement.includes('$1') ? values : []);
  }
  await pool.query('vacuum analyze');
}

/** Of batch n: its view is number `n % views`. Every value that varies follows from n, so that two runs fill the same. */
const TRANSACTIONS = `
  insert into etl.etl_transaction (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, staged_upserts, staged_deletes,
    rows_added, rows_changed, rows_deleted, rows_unchanged, log_rows, staged_bytes, load_job_id, apply_job_id, started_at, staged_at, applied_at,
    ended_at, oldest_change_at, lag, is_complete, error, definition, bytes_billed, slot_ms, source_rows, target_rows)
  select v.name, b.kind, 'tick', b.state, gen_random_uuid(),
    jsonb_build_object('floorId', (n * 50)::text, 'seen', '{[' || n * 50 + 2 || ',' || n * 50 + 49 || ')}', 'witness', null,
      'horizons', jsonb_build_array(jsonb_build_object('id', (n * 50 + 48)::text, 'atMicros', (n * 7000000)::text, 'marker', n::text))),
    v.name || '/' || n || '/', 40, 2, b.rows[1], b.rows[2], b.rows[3], b.rows[4], 50, 4000 + n % 9000,
    case when v.load_type = 'merge' then 'load_SMartDataAnalytics_' || v.name || '_' || n || '_1_1' end,
    'merge_SMartDataAnalytics_' || v.name || '_' || n || '_1',
    b.started_at, b.started_at + interval '3 s', case when b.state = 'applied' then b.started_at + interval '9 s' end,
    b.started_at + interval '9 s', b.started_at - interval '50 s', case when b.state = 'applied' then interval '59 s' end,
    b.kind in ('initial', 'resync'), case when b.state = 'abandoned' then 'its process ended before the batch was staged' end,
    jsonb_build_object('fingerprint', md5(v.name) || md5(v.name), 'columns', md5(v.name), 'serverMajor', 18, 'settings',
      jsonb_build_object('DateStyle', 'ISO, MDY', 'IntervalStyle', 'postgres', 'TimeZone', 'UTC')),
    10485760, 1500, b.counted, b.counted
  from generate_series(1, $1::int8) as n
  join lateral (select name, load_type from etl.view_source where content_type_id = 1 + n % $2) v on true
  cross join lateral (select
    case when n <= $2 then 'initial' when n % 997 = 0 then 'backfill' when n % 499 = 0 then 'repair' when n % 9973 = 0 then 'resync'
      else 'incremental' end as kind,
    case when n % 101 = 0 then 'abandoned' else 'applied' end as state,
    case when n % 101 <> 0 then array[5 + n % 7, 30 + n % 11, n % 3, n % 5] end as rows,
    -- Some views are never counted.
    case when n / $2 % 10 = 0 and n % 20 <> 0 then 100000 end as counted,
    date_trunc('second', now()) - ($1 - n) * $3::float8 * interval '1 second' - interval '10 s' as started_at) b`;

const STATEMENTS = [
  TRANSACTIONS,
  // The latest batch of every tenth view is in flight, and one of every fiftieth has failed.
  `update etl.etl_transaction t set state = s.state, applied_at = null, lag = null, rows_added = null, rows_changed = null,
     rows_deleted = null, rows_unchanged = null, ended_at = case when s.state = 'failed' then ended_at end,
     staged_at = case when s.state <> 'extracting' then staged_at end, error = case when s.state = 'failed' then 'BigQuery refused the load' end
   from (select max(id) as id, view_name, case when v.content_type_id % 50 = 0 then 'failed'
           else (array['extracting', 'staged', 'applying'])[1 + v.content_type_id / 10 % 3] end as state
         from etl.etl_transaction join etl.view_source v on v.name = view_name
         where v.content_type_id % 10 = 0 group by view_name, v.content_type_id) s
   where t.id = s.id`,
  `update etl.view_source set captured_at = now() - interval '20 s'`,
  `update etl.view_source v set halted_at = t.ended_at, halted_reason = t.error from etl.etl_transaction t
   where t.view_name = v.name and t.state = 'failed'`,
  // A check of each view every night; every two hundredth found differences.
  `insert into etl.consistency_check (view_name, mode, trigger, repairs, state, started_at, state_at, ended_at, looked_at, source_rows, target_rows,
     pending, missing, extra, different, duplicates, repaired, is_consistent, etl_transaction_id)
   select v.name, 'full', 'schedule', true, 'done', at, at, at + interval '40 s', at, 100000, 100000, 0, 0, 0, f.different, 0, 0,
     f.different = 0, t.id
   from generate_series(0, ${DAYS - 1}) as day
   cross join etl.view_source v
   cross join lateral (select date_trunc('day', now()) - day * interval '1 day' as at,
     case when (v.content_type_id + day * 7) % 200 = 0 then 20 else 0 end as different) f
   left join lateral (select id from etl.etl_transaction where view_name = v.name and applied_at < f.at order by applied_at desc limit 1) t on true
   order by day desc`,
  `insert into etl.consistency_difference (check_id, key, kind, class)
   select c.id, n::text, 'different', 'unexplained' from etl.consistency_check c cross join generate_series(1, 20) as n where c.different > 0`,
  `update etl.etl_transaction t set is_consistent = c.is_consistent from etl.consistency_check c where c.etl_transaction_id = t.id`,
  // One failure for every fifty batches.
  `insert into etl.etl_error (occurred_at, function_name, view_name, etl_transaction_id, kind, code, message, advice, event, resolved_at)
   select t.started_at, (array['extract', 'merge', 'stream'])[1 + n % 3], t.view_name, t.id,
     (array['invalid_event', 'bad_data', 'warehouse', 'unauthorized', 'configuration'])[1 + n % 5], null,
     'view ' || t.view_name || ': reason ' || chr(65 + (n % 30)::int4) || ' with key ' || n || ' in job load_' || t.view_name || '_' || t.id,
     'Correct the row. Then redrive the view.', jsonb_build_object('view', t.view_name)::text,
     case when n % 50 <> 0 then t.started_at + interval '1 hour' end
   from generate_series(1, $1::int8 / 50) as n join etl.etl_transaction t on t.id = n * 50 where $2 > 0`,
  `insert into etl.job_usage (job_id, view_name, etl_transaction_id, bytes_billed, slot_ms, ended_at)
   select job, view_name, id, 10485760, 1500, at from etl.etl_transaction
   cross join lateral (values (load_job_id, staged_at), (apply_job_id, applied_at)) j (job, at)
   where job is not null and at is not null`,
  `insert into etl.queued_key (view_name, key, kind)
   select name, n::text, 'repair' from etl.view_source cross join generate_series(1, 5) as n`,
];

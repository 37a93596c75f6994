import type pg from 'pg';

/** Row changes of a quarter of an hour, by the hours of a day: nobody works at night. */
const HOURS = [
  6, 4, 3, 2, 2, 3, 4, 8, 20, 60, 120, 180, 200, 160, 90, 140, 190, 210, 160, 110, 60, 30, 16, 9,
];

/** Tells the control database of an installation that has just loaded its views that it did so a day ago, and replicated since. */
export async function fillDay(control: pg.Pool): Promise<void> {
  await control.query(YESTERDAY);
  await control.query(DAY, [HOURS]);
  await control.query(JOBS);
}

/** The first loads were the day before. */
const YESTERDAY = `
  update etl.etl_transaction set started_at = started_at - interval '1 day', staged_at = staged_at - interval '1 day',
    applied_at = applied_at - interval '1 day', ended_at = ended_at - interval '1 day' where kind = 'initial'`;

/** Since then, each view had a batch in every quarter of an hour, as large as the hour and the view make it. */
const DAY = `
  insert into etl.etl_transaction (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, staged_upserts, staged_deletes,
    staged_bytes, rows_added, rows_changed, rows_deleted, rows_unchanged, log_rows, load_job_id, apply_job_id, started_at, staged_at, applied_at, ended_at,
    oldest_change_at, lag, bytes_billed, slot_ms, source_rows, target_rows)
  select view_name, 'incremental', 'tick', 'applied', gen_random_uuid(), next_checkpoint, view_name || '/' || n || '/', rows, rows / 20, rows * 90,
    rows / 5, rows, rows / 20, rows / 9, rows, 'load_' || view_name || '_' || n, 'merge_' || view_name || '_' || n, at, at + took / 3, at + took, at + took,
    at - wait, took + wait, 10485760 + rows * 90000, 900 + rows * 7, source_rows, target_rows
  from (select *, ln(source_rows + 3)::float8 / 9 as size from etl.etl_transaction where kind = 'initial') t
  cross join generate_series(92, 1, -1) as n
  cross join lateral (select now() - n * interval '15 minutes' - t.id * interval '7 seconds' as at) a
  cross join lateral (select (($1::int4[])[1 + extract(hour from at)::int4] * size * (0.7 + (n * n * 7 + t.id * 31) % 60 / 100.0))::int8 as rows) r
  cross join lateral (select (8 + rows / 40.0) * interval '1 second' as took, (20 + (n * n * 37) % 40) * interval '1 second' as wait) d
  where rows > 0
  order by at`;

const JOBS = `
  insert into etl.job_usage (job_id, view_name, etl_transaction_id, bytes_billed, slot_ms, ended_at)
  select apply_job_id, view_name, id, bytes_billed, slot_ms, applied_at from etl.etl_transaction where kind = 'incremental' on conflict do nothing`;

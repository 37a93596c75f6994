import type { Installation } from '../support/installation.ts';

/** Would run as markup, out of an attribute, out of a text field, and as an address. */
export const RUNS = `javascript:alert(1)//'"></textarea></script><img src=x onerror=alert(1)><script>alert(1)</script>`;

/** The part of it that a page shows also where the text is a value in JSON. */
export const SHOWN = '<script>alert(1)</script>';

/** Puts the text into every column of the control database that holds a text of somebody else, into rows, and into a column's name. */
export async function plantHostile({ control, source: { database } }: Installation): Promise<void> {
  await database.query('update app_project set name = $1 where id = 2', [RUNS]);
  await database.query('update app_company set name = $1', [RUNS]);
  // What a name of PostgreSQL holds at most.
  await database.query(
    `create or replace view pmr_halted as select *, 1 as "${RUNS.replaceAll('"', '').slice(-50)}" from pmr_site`,
  );
  for (const [statement, condition = 'true'] of STATEMENTS) {
    await control.query(`update ${statement} where ${condition}`, [RUNS]);
  }
}

const STATEMENTS: [statement: string, condition?: string][] = [
  [`etl.view_source set halted_reason = $1, halted_by = $1`, 'halted_at is not null'],
  [`etl.view_source set paused_reason = $1, paused_by = $1`, 'paused'],
  [`etl.view_source set resync_advised_reason = $1`, 'resync_advised_at is not null'],
  [`etl.view_retry set message = $1, advice = $1`],
  [
    `etl.etl_error set message = $1, advice = $1, code = $1, column_name = $1, function_name = $1, event = $1`,
  ],
  [
    `etl.etl_transaction set trigger = $1, load_job_id = $1, apply_job_id = $1, policy_values = jsonb_build_object($1::text, 3), definition = jsonb_build_object('fingerprint', $1::text)`,
    `policy_values <> '{}'`,
  ],
  [`etl.etl_transaction set error = $1, staged_prefix = $1`, `state = 'failed'`],
  [`etl.consistency_check set requested_by = $1, error = $1`],
  [`etl.consistency_difference set columns = array[$1], key = case key when '2' then $1 else key end`],
  [`etl.schema_change set kind = $1, action = $1, details = jsonb_build_object($1::text, $1::text)`],
  [
    `etl.audit set requested_by = $1, claimed_by = $1, reason = $1, request = jsonb_build_object($1::text, $1::text), views = array[$1],
     outcome = case when outcome is not null then $1 end, error = case when error is not null then $1 end, advice = case when error is not null then $1 end`,
  ],
];

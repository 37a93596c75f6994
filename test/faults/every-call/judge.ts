import { compare, describeFindings } from '../../local/compare/compare.ts';
import { ENTRIES, STREAMED_ENTRY } from '../../support/installation.ts';
import { findFalseChecks } from './judge-checks.ts';
import type { Prepared, Situation } from './situation.ts';
import type { World } from './world.ts';

/**
 * Returns what is wrong with a view that has no work left: differences between source and target, duplicate rows, unfinished
 * work, and false records of batches and checks. Empty when all is well.
 */
export async function findFaults(prepared: Prepared): Promise<string[]> {
  const { world, view } = prepared;
  const comparison = await compare(view.pair, world.parts);
  return [
    ...describeFindings(comparison),
    ...(await findDuplicates(prepared)),
    ...(await findUnfinished(world)),
    ...(await findFalseRecords(prepared)),
    ...(await findFalseChecks(prepared)),
  ];
}

/** Returns the effects that an acknowledged event must have at once, but does not have. */
export async function findMissingEffects({ work }: Situation, { world }: Prepared): Promise<string[]> {
  if (work === 'bad row') {
    const { rows } = await world.control.query(`select from etl.etl_error where kind = 'bad_data'`);
    return rows.length === 1
      ? []
      : [`the event of the bad row was acknowledged, but recorded ${rows.length} times`];
  }
  if (work === 'fan-out') {
    const requested = await world.takeFanOut();
    const missing = [...ENTRIES, STREAMED_ENTRY]
      .map(({ name }) => name)
      .filter((name) => !requested.includes(name));
    return missing.map((view) => `the tick was acknowledged, but published no message for ${view}`);
  }
  return [];
}

/** Finds duplicate keys in the target, including rows that are marked as deleted. */
async function findDuplicates({ world, view: { pair } }: Prepared): Promise<string[]> {
  const [row] = await world.query(
    `select count(*) - count(distinct ${pair.keyColumn}) as n from ${pair.target}`,
  );
  return row?.n === '0' ? [] : [`${row?.n} rows of ${pair.target} repeat the key of another row`];
}

async function findUnfinished({ control }: World): Promise<string[]> {
  const { rows } = await control.query(`
    select 'the lease of ' || name || ' was not released' as fault from etl.lease where expires_at > now() or name not like 'check %'
    union all select 'check ' || id || ' is ' || state from etl.consistency_check where ended_at is null
    union all select 'batch ' || id || ' is ' || state from etl.etl_transaction where state not in ('applied', 'abandoned')
    union all select 'view ' || name || ' is halted: ' || halted_reason from etl.view_source where halted_reason is not null
    union all select 'view ' || name || ' is paused' from etl.view_source where paused
    union all select 'an error is recorded: ' || message from etl.etl_error where resolved_at is null
    union all select 'a dead letter is due: ' || message from etl.etl_error where dead_letter_due_at is not null
    union all select 'key ' || key || ' is queued' from etl.queued_key`);
  return rows.map((row) => row.fault as string);
}

/**
 * Checks the records of all batches since the situation began: together they must match what the application did, and each must
 * match what BigQuery did.
 */
async function findFalseRecords(prepared: Prepared): Promise<string[]> {
  const { world, view, changes, lastBatchIdBefore } = prepared;
  const { rows: batches } = await world.control.query(
    `select id::text, state, rows_added, rows_changed, rows_deleted, apply_job_id, error,
       coalesce(staged_at <= applied_at and applied_at <= ended_at, false) as is_timed
     from etl.etl_transaction t where view_name = $1 and id > $2 order by t.id`,
    [view.name, lastBatchIdBefore],
  );
  const applied = batches.filter(({ state }) => state === 'applied');
  const faults: string[] = [];
  for (const name of ['added', 'changed', 'deleted'] as const) {
    const sum = applied.reduce((total, row) => total + Number(row[`rows_${name}`]), 0);
    if (changes !== null && sum !== changes[name])
      faults.push(`the batches record ${sum} rows as ${name} instead of ${changes[name]}`);
  }
  for (const { id, state, error, is_timed } of batches) {
    if (state === 'applied' && !is_timed)
      faults.push(`batch ${id} has missing times, or times in the wrong order`);
    if (state === 'abandoned' && error === null) faults.push(`batch ${id} was abandoned without a reason`);
  }
  if (view.applier === 'stream') return faults;
  return [...faults, ...(await compareWithLedger(world, view.name, applied, lastBatchIdBefore))];
}

/**
 * Compares with the ledger that the merges write: it must hold each applied batch once, with the same counts, and the recorded job
 * must have succeeded.
 */
async function compareWithLedger(
  world: World,
  view: string,
  applied: Record<string, unknown>[],
  lastBatchIdBefore: string,
): Promise<string[]> {
  const ledger = await world.query(
    `select etl_transaction_id as id, added, changed, deleted from SMartData_Temp.applied_batch
     where view = '${view}' and etl_transaction_id > ${lastBatchIdBefore} order by 1`,
  );
  const inLedger = ledger.map(({ id, added, changed, deleted }) => [id, added, changed, deleted].join(' '));
  const inControl = applied.map((row) =>
    [row.id, row.rows_added, row.rows_changed, row.rows_deleted].map(String).join(' '),
  );
  const faults: string[] = [];
  if (inLedger.join() !== inControl.join()) {
    faults.push(
      `the ledger has batches ${inLedger.join(', ')}, the control database has ${inControl.join(', ')}`,
    );
  }
  for (const { id, apply_job_id } of applied) {
    const problem = await jobProblem(world, String(apply_job_id));
    if (problem !== null) faults.push(`job ${apply_job_id} did not apply batch ${id}: ${problem}`);
  }
  return faults;
}

async function jobProblem({ bigquery }: World, jobId: string): Promise<string | null> {
  try {
    const [{ status }] = await bigquery.job(jobId, { location: 'EU' }).getMetadata();
    return status.state === 'DONE' && status.errorResult === undefined ? null : JSON.stringify(status);
  } catch (error) {
    return String(error);
  }
}

import { compare, describeFindings } from '../../local/compare/compare.ts';
import { ENTRIES, STREAMED_ENTRY } from '../../support/installation.ts';
import type { Prepared, Situation } from './situation.ts';
import type { World } from './world.ts';

/**
 * What is wrong with a view that came to rest: differences between source and target, rows that are there twice, whatever is
 * stuck, and what the transaction log tells that is not so. Nothing for a view as it should be.
 */
export async function findFaults(prepared: Prepared): Promise<string[]> {
  const { world, view } = prepared;
  const comparison = await compare(view.pair, world.parts);
  return [
    ...describeFindings(comparison),
    ...(await findTwice(prepared)),
    ...(await findStuck(world)),
    ...(await findUntruths(prepared)),
  ];
}

/** What an event that was acknowledged must have left behind at once, and did not. */
export async function findUntold({ work }: Situation, { world }: Prepared): Promise<string[]> {
  if (work === 'bad row') {
    const { rows } = await world.control.query(`select from etl.etl_error where kind = 'bad_data'`);
    return rows.length === 1 ? [] : [`the bad row was acknowledged, and recorded ${rows.length} times`];
  }
  if (work === 'fan-out') {
    const asked = await world.takeFanOut();
    const missing = [...ENTRIES, STREAMED_ENTRY]
      .map(({ name }) => name)
      .filter((name) => !asked.includes(name));
    return missing.map((view) => `the tick was acknowledged, and ${view} was not asked for`);
  }
  return [];
}

/** Deleted rows included, which a merged target keeps. */
async function findTwice({ world, view: { pair } }: Prepared): Promise<string[]> {
  const [row] = await world.query(
    `select count(*) - count(distinct ${pair.keyColumn}) as n from ${pair.target}`,
  );
  return row?.n === '0' ? [] : [`${row?.n} rows of ${pair.target} have a key that is there already`];
}

async function findStuck({ control }: World): Promise<string[]> {
  const { rows } = await control.query(`
    select 'the lease of ' || name || ' was not given back' as fault from etl.lease
    union all select 'batch ' || id || ' is ' || state from etl.etl_transaction where state not in ('applied', 'abandoned')
    union all select 'view ' || name || ' is halted: ' || halted_reason from etl.view_source where halted_reason is not null
    union all select 'view ' || name || ' is paused' from etl.view_source where paused
    union all select 'an error is recorded: ' || message from etl.etl_error where resolved_at is null
    union all select 'a dead letter is due: ' || message from etl.etl_error where dead_letter_due_at is not null
    union all select 'key ' || key || ' is queued' from etl.queued_key`);
  return rows.map((row) => row.fault as string);
}

/** The batches since the situation began must tell together what the application did, and each what BigQuery did. */
async function findUntruths(prepared: Prepared): Promise<string[]> {
  const { world, view, changes, lastBatchBefore } = prepared;
  const { rows: told } = await world.control.query(
    `select id::text, state, rows_added, rows_changed, rows_deleted, apply_job_id, error,
       coalesce(staged_at <= applied_at and applied_at <= ended_at, false) as is_timed
     from etl.etl_transaction where view_name = $1 and id > $2 order by id`,
    [view.name, lastBatchBefore],
  );
  const applied = told.filter(({ state }) => state === 'applied');
  const faults: string[] = [];
  for (const name of ['added', 'changed', 'deleted'] as const) {
    const sum = applied.reduce((total, row) => total + Number(row[`rows_${name}`]), 0);
    if (changes !== null && sum !== changes[name])
      faults.push(`${sum} rows are told to be ${name}, not ${changes[name]}`);
  }
  for (const { id, state, error, is_timed } of told) {
    if (state === 'applied' && !is_timed) faults.push(`batch ${id} has no times in their order`);
    if (state === 'abandoned' && error === null) faults.push(`batch ${id} was abandoned without a reason`);
  }
  if (view.applier === 'stream') return faults;
  return [...faults, ...(await compareWithLedger(world, view.name, applied, lastBatchBefore))];
}

/** What the merges themselves wrote down: each applied batch once, with the same counts, by the job that is named. */
async function compareWithLedger(
  world: World,
  view: string,
  applied: Record<string, unknown>[],
  lastBatchBefore: string,
): Promise<string[]> {
  const ledger = await world.query(
    `select etl_transaction_id as id, added, changed, deleted from SMartData_Temp.applied_batch
     where view = '${view}' and etl_transaction_id > ${lastBatchBefore} order by 1`,
  );
  const inLedger = ledger.map(({ id, added, changed, deleted }) => [id, added, changed, deleted].join(' '));
  const inLog = applied.map((row) =>
    [row.id, row.rows_added, row.rows_changed, row.rows_deleted].map(String).join(' '),
  );
  const faults: string[] = [];
  if (inLedger.join() !== inLog.join()) {
    faults.push(`the ledger has batches ${inLedger.join(', ')}, the transaction log ${inLog.join(', ')}`);
  }
  for (const { id, apply_job_id } of applied) {
    const why = await whyNotDone(world, String(apply_job_id));
    if (why !== null) faults.push(`job ${apply_job_id} did not apply batch ${id}: ${why}`);
  }
  return faults;
}

async function whyNotDone({ bigquery }: World, jobId: string): Promise<string | null> {
  try {
    const [{ status }] = await bigquery.job(jobId, { location: 'EU' }).getMetadata();
    return status.state === 'DONE' && status.errorResult === undefined ? null : JSON.stringify(status);
  } catch (error) {
    return String(error);
  }
}

import assert from 'node:assert/strict';
import { checkLease } from '../../../shared/control/consistency-checks.ts';
import { hold, pass } from '../../emulators/faults.ts';
import { type FunctionName, isFailure } from '../../local/functions.ts';
import { type CheckWork, prepareCheck } from '../every-call/check-work.ts';
import { findFaults } from '../every-call/judge.ts';
import { Lane, type Server } from '../every-call/lane.ts';
import { tickUntilIdle } from '../every-call/recover.ts';
import type { Prepared } from '../every-call/situation.ts';
import { VIEWS, type ViewUnderTest } from '../every-call/views.ts';
import type { World } from '../every-call/world.ts';
import { SuspendableFunction } from './suspendable-function.ts';

/** The call during which a process is suspended. The server executes and answers it late, when the process runs again. */
type Step = { server: Server; call: string; nth?: number };

const AFTER_CAPTURE: Step = { server: 'bigquery', call: 'bigquery.tables.get' };
const BEFORE_COPY: Step = { server: 'postgres', call: 'source: savepoint copy_out' };
/** Inside the transaction that marks the batch as applied, which locks the row of the lease. */
const INSIDE_TRANSACTION: Step = {
  server: 'postgres',
  call: 'control: update etl.etl_transaction set state =',
  nth: 2,
};

type Situation = { functionName: FunctionName; view: ViewUnderTest; work?: CheckWork };

const SITUATIONS: (Situation & { steps: Record<string, Step> })[] = [
  {
    functionName: 'extract',
    view: VIEWS.pmr_project,
    steps: {
      'after its capture': AFTER_CAPTURE,
      'before its rows are copied': BEFORE_COPY,
      'while its rows are copied': { server: 'storage', call: 'storage.objects.insert' },
      'before its load job is started': { server: 'bigquery', call: 'bigquery.jobs.insert' },
      'before it marks the batch as staged': { server: 'bigquery', call: 'bigquery.jobs.get' },
    },
  },
  {
    functionName: 'extract',
    view: VIEWS.xyz_incident,
    steps: {
      'after its capture': AFTER_CAPTURE,
      'before its rows are copied': BEFORE_COPY,
      // After the objects of the upserts, the deletes and the highest batch id.
      'before it marks the batch as staged': { server: 'storage', call: 'storage.objects.insert', nth: 4 },
    },
  },
  {
    functionName: 'merge',
    view: VIEWS.pmr_project,
    steps: {
      'before its job is started': { server: 'bigquery', call: 'bigquery.jobs.insert' },
      'while it waits for its job': { server: 'bigquery', call: 'bigquery.jobs.get' },
      'before it marks the batch as applied': { server: 'bigquery', call: 'bigquery.jobs.getQueryResults' },
    },
  },
  {
    functionName: 'stream',
    view: VIEWS.xyz_incident,
    steps: {
      'before its rows are read': { server: 'storage', call: 'storage.objects.get' },
      'while it sends rows': { server: 'bigquery', call: 'AppendRows' },
    },
  },
  ...Object.values(VIEWS).flatMap((view) => [
    {
      functionName: 'reconcile' as const,
      view,
      work: 'first look' as const,
      steps: {
        'while it holds its view': { server: 'bigquery' as const, call: 'bigquery.jobs.insert' },
        'while it sums up the target': { server: 'bigquery' as const, call: 'bigquery.jobs.insert', nth: 2 },
        'while it reads the rows that differ': {
          server: 'bigquery' as const,
          call: 'bigquery.jobs.insert',
          nth: 4,
        },
      },
    },
    {
      functionName: 'reconcile' as const,
      view,
      work: 'second look' as const,
      steps: { 'while it writes its report': { server: 'storage' as const, call: 'storage.objects.insert' } },
    },
    {
      functionName: 'reconcile' as const,
      view,
      work: 'third look' as const,
      steps: {
        'while it reads the repaired rows': {
          server: 'bigquery' as const,
          call: 'bigquery.jobs.insert',
          nth: 2,
        },
      },
    },
  ]),
];

type Zombie = { suspendable: SuspendableFunction; prepared: Prepared; resume: () => Promise<object> };

const LEASE_SECONDS = '1';

describe('I4 I7 a function that is suspended past its lease', () => {
  let lane: Lane;
  let world: World;
  let suspendables: Partial<Record<FunctionName, SuspendableFunction>> = {};

  before(async () => {
    lane = await Lane.start();
    world = await lane.install();
    for (const view of Object.values(VIEWS)) {
      await world.fill(view);
      await tickUntilIdle(world, view);
      // The first batch after an initial one makes extra checks that later batches do not repeat.
      await world.change(view);
      await tickUntilIdle(world, view);
    }
    const settings = { LEASE_SECONDS, LOG_LEVEL: 'info' };
    const names = ['extract', 'merge', 'reconcile', 'stream'] as const;
    const started = await Promise.all(names.map((name) => SuspendableFunction.start(name, world, settings)));
    suspendables = Object.fromEntries(names.map((name, i) => [name, started[i]]));
  });
  after(async () => {
    await Promise.all(Object.values(suspendables).map((suspendable) => suspendable.end()));
    await world.leave();
    await lane.stop();
  });
  beforeEach(() => lane.clearFaults());
  // A test that failed must not fail the next ones.
  afterEach(() => {
    for (const suspendable of Object.values(suspendables)) suspendable.resume();
  });

  for (const { steps, ...situation } of SITUATIONS) {
    const { functionName, view, work } = situation;
    for (const [when, step] of Object.entries(steps)) {
      it(`${when}: it changes nothing when it runs again, and fails as superseded (${functionName} of ${view.name}${work === undefined ? '' : `, ${work}`})`, async () => {
        const zombie = await suspendAt(step, situation);
        const expected = await recoverWithoutZombie(zombie.prepared);
        const logged = zombie.suspendable.logged('superseded');

        const answer = await zombie.resume();

        assert.ok(isFailure(answer), JSON.stringify(answer));
        assert.equal(answer.error.kind, 'superseded');
        assert.partialDeepStrictEqual(await logged, { function: functionName, view: view.name });
        await assertUnchanged(zombie.prepared, expected);
      });
    }
  }

  it('inside a control transaction: it blocks others no longer than its lease lasts, and changes nothing when it runs again', async () => {
    const zombie = await suspendAt(INSIDE_TRANSACTION, { functionName: 'merge', view: VIEWS.pmr_project });
    const expected = await recoverWithoutZombie(zombie.prepared);

    const answer = await zombie.resume();

    assert.ok(isFailure(answer), JSON.stringify(answer));
    await assertUnchanged(zombie.prepared, expected);
  });

  /** Runs a function up to the call, suspends it, and waits until its lease has expired. */
  async function suspendAt(step: Step, situation: Situation): Promise<Zombie> {
    const { functionName, view, work } = situation;
    const suspendable = suspendables[functionName];
    assert.ok(suspendable);
    const before = {
      lastBatchIdBefore: await world.lastBatchId(),
      lastCheckIdBefore: await world.lastCheckId(),
    };
    const prepared =
      work === undefined ? await prepareBatch(situation) : await prepareCheck(world, view, work);
    await world.emptyMailboxes();
    const held = hold();
    lane.faults[step.server].next(step.call, ...Array.from({ length: (step.nth ?? 1) - 1 }, pass), held);
    const answered = suspendable.call(prepared.event);
    await Promise.race([held.reached, answered.then((answer) => assert.fail(JSON.stringify(answer)))]);
    await suspendable.suspend(work === undefined ? view.name : checkLease(view.name));
    await world.control.query(
      `select pg_sleep(greatest(0, extract(epoch from max(expires_at) - clock_timestamp()) + 0.001)) from etl.lease`,
    );
    return {
      suspendable,
      prepared: { world, view, ...prepared, ...before },
      resume: async () => {
        held.release();
        suspendable.resume();
        return await answered;
      },
    };
  }

  async function prepareBatch({
    functionName,
    view,
  }: Situation): Promise<Pick<Prepared, 'event' | 'changes' | 'damage'>> {
    const changes = await world.change(view);
    if (functionName === 'extract') return { event: { view: view.name }, changes, damage: null };
    const { etlTransactionId } = await world.stage(view.name);
    return { event: { view: view.name, etlTransactionId }, changes, damage: null };
  }

  /** Lets other processes finish the batch or the check, and one more batch, and asserts that all is well. Returns a snapshot of the result. */
  async function recoverWithoutZombie({ view, changes, ...prepared }: Prepared): Promise<unknown[]> {
    assert.ok(changes !== null, 'these situations have no complete batch');
    await tickUntilIdle(world, view);
    assert.deepEqual(await findFaults({ ...prepared, view, changes }), []);
    const next = await world.change(view);
    await tickUntilIdle(world, view);
    const both = {
      added: changes.added + next.added,
      changed: changes.changed + next.changed,
      deleted: changes.deleted + next.deleted,
    };
    const later = { damage: null, lastCheckIdBefore: await world.lastCheckId() };
    assert.deepEqual(await findFaults({ ...prepared, view, changes: both, ...later }), []);
    return await snapshot(view);
  }

  async function assertUnchanged({ view }: Prepared, before: unknown[]): Promise<void> {
    assert.deepEqual(await snapshot(view), before);
  }

  /** All rows of the control database and of the target, without the cost of jobs: a job that the zombie started is billed all the same. */
  async function snapshot({ pair }: ViewUnderTest): Promise<unknown[]> {
    const { rows } = await world.control.query(`
      select to_jsonb(t) - 'slot_ms' - 'bytes_billed' from etl.etl_transaction t union all select to_jsonb(c) from etl.checkpoint c
      union all select to_jsonb(v) from etl.view_source v union all select to_jsonb(k) from etl.queued_key k
      union all select to_jsonb(l) from etl.lease l union all select to_jsonb(e) from etl.etl_error e
      union all select to_jsonb(c) from etl.consistency_check c union all select to_jsonb(d) from etl.consistency_difference d
      order by 1`);
    return [rows, await world.query(`select * from ${pair.target} order by ${pair.keyColumn}`)];
  }
});

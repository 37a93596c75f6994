import assert from 'node:assert/strict';
import { hold, pass } from '../../emulators/faults.ts';
import { type FunctionName, isFailure } from '../../local/functions.ts';
import { findFaults } from '../every-call/judge.ts';
import { Lane, type Server } from '../every-call/lane.ts';
import { comeToRest } from '../every-call/recover.ts';
import type { Prepared } from '../every-call/situation.ts';
import { VIEWS, type ViewUnderTest } from '../every-call/views.ts';
import type { World } from '../every-call/world.ts';
import { Sleeper } from './sleeper.ts';

/** The call on which a process falls asleep. It is carried out, and answered, when the process is awake again: late. */
type Step = { server: Server; call: string; nth?: number };

const AFTER_CAPTURE: Step = { server: 'bigquery', call: 'bigquery.tables.get' };
const BEFORE_COPY: Step = { server: 'postgres', call: 'source: savepoint copy_out' };
/** Within the change that says that the batch is applied: the row of the lease is locked. */
const WITHIN_CHANGE: Step = {
  server: 'postgres',
  call: 'control: update etl.etl_transaction set state =',
  nth: 2,
};

const SITUATIONS: { functionName: FunctionName; view: ViewUnderTest; steps: Record<string, Step> }[] = [
  {
    functionName: 'extract',
    view: VIEWS.pmr_project,
    steps: {
      'after its capture': AFTER_CAPTURE,
      'before its rows are copied': BEFORE_COPY,
      'while its rows are copied': { server: 'storage', call: 'storage.objects.insert' },
      'before its load job is started': { server: 'bigquery', call: 'bigquery.jobs.insert' },
      'before it says that it has staged': { server: 'bigquery', call: 'bigquery.jobs.get' },
    },
  },
  {
    functionName: 'extract',
    view: VIEWS.xyz_incident,
    steps: {
      'after its capture': AFTER_CAPTURE,
      'before its rows are copied': BEFORE_COPY,
      // After those of the upserts, the deletes and the last number.
      'before it says that it has staged': { server: 'storage', call: 'storage.objects.insert', nth: 4 },
    },
  },
  {
    functionName: 'merge',
    view: VIEWS.pmr_project,
    steps: {
      'before its job is started': { server: 'bigquery', call: 'bigquery.jobs.insert' },
      'while it waits for its job': { server: 'bigquery', call: 'bigquery.jobs.get' },
      'before it says that it has applied': { server: 'bigquery', call: 'bigquery.jobs.getQueryResults' },
    },
  },
  {
    functionName: 'stream',
    view: VIEWS.xyz_incident,
    steps: {
      'before its rows are read': { server: 'storage', call: 'storage.objects.get' },
      'with rows on their way': { server: 'bigquery', call: 'AppendRows' },
    },
  },
];

type Zombie = { sleeper: Sleeper; prepared: Prepared; wakeUp: () => Promise<object> };

const LEASE_SECONDS = '1';

describe('I4 I7 a function that is put to sleep', () => {
  let lane: Lane;
  let world: World;
  let sleepers: Partial<Record<FunctionName, Sleeper>> = {};

  before(async () => {
    lane = await Lane.start();
    world = await lane.install();
    for (const view of Object.values(VIEWS)) {
      await world.fill(view);
      await comeToRest(world, view);
      // The batch after an initial one still makes sure of what later ones remember.
      await world.change(view);
      await comeToRest(world, view);
    }
    const settings = { LEASE_SECONDS, LOG_LEVEL: 'info' };
    const names = ['extract', 'merge', 'stream'] as const;
    const started = await Promise.all(names.map((name) => Sleeper.start(name, world, settings)));
    sleepers = Object.fromEntries(names.map((name, i) => [name, started[i]]));
  });
  after(async () => {
    await Promise.all(Object.values(sleepers).map((sleeper) => sleeper.end()));
    await world.leave();
    await lane.stop();
  });
  beforeEach(() => lane.clearFaults());

  for (const { functionName, view, steps } of SITUATIONS) {
    for (const [when, step] of Object.entries(steps)) {
      it(`${when}: ${functionName} of ${view.name} changes nothing when it wakes up, and says superseded`, async () => {
        const zombie = await sleepAt(step, functionName, view);
        const goneOn = await goOn(zombie.prepared);
        const told = zombie.sleeper.logged('superseded');

        const answer = await zombie.wakeUp();

        assert.ok(isFailure(answer), JSON.stringify(answer));
        assert.equal(answer.error.kind, 'superseded');
        assert.partialDeepStrictEqual(await told, { function: functionName, view: view.name });
        await assertUnchanged(zombie.prepared, goneOn);
      });
    }
  }

  it('within a change of its batch keeps others waiting for no longer than its lease, and changes nothing', async () => {
    const zombie = await sleepAt(WITHIN_CHANGE, 'merge', VIEWS.pmr_project);
    const goneOn = await goOn(zombie.prepared);

    const answer = await zombie.wakeUp();

    assert.ok(isFailure(answer), JSON.stringify(answer));
    await assertUnchanged(zombie.prepared, goneOn);
  });

  /** Lets a function run up to the call and sleeps until its lease has run out. */
  async function sleepAt(step: Step, functionName: FunctionName, view: ViewUnderTest): Promise<Zombie> {
    const sleeper = sleepers[functionName];
    assert.ok(sleeper);
    const lastBatchBefore = await world.lastBatch();
    const changes = await world.change(view);
    const event = {
      view: view.name,
      ...(functionName !== 'extract' && {
        etlTransactionId: (await world.stage(view.name)).etlTransactionId,
      }),
    };
    const held = hold();
    lane.faults[step.server].next(step.call, ...Array.from({ length: (step.nth ?? 1) - 1 }, pass), held);
    const answered = sleeper.call(event);
    await Promise.race([held.reached, answered.then((answer) => assert.fail(JSON.stringify(answer)))]);
    await sleeper.fallAsleep(view.name);
    await world.control.query(
      `select pg_sleep(greatest(0, extract(epoch from max(expires_at) - clock_timestamp()) + 0.001)) from etl.lease`,
    );
    return {
      sleeper,
      prepared: { world, view, event, changes, lastBatchBefore },
      wakeUp: async () => {
        held.release();
        sleeper.wakeUp();
        return await answered;
      },
    };
  }

  /** Others finish what there is to do, and what comes next. Answers all that is known then, of which nothing is wrong. */
  async function goOn({ view, changes, ...prepared }: Prepared): Promise<unknown[]> {
    assert.ok(changes !== null, 'no whole view is staged here');
    await comeToRest(world, view);
    const next = await world.change(view);
    await comeToRest(world, view);
    const both = {
      added: changes.added + next.added,
      changed: changes.changed + next.changed,
      deleted: changes.deleted + next.deleted,
    };
    assert.deepEqual(await findFaults({ ...prepared, view, changes: both }), []);
    return await memory(view);
  }

  async function assertUnchanged({ view }: Prepared, before: unknown[]): Promise<void> {
    assert.deepEqual(await memory(view), before);
  }

  /** All that is remembered, and the target. */
  async function memory({ pair }: ViewUnderTest): Promise<unknown[]> {
    const { rows } = await world.control.query(`
      select to_jsonb(t) from etl.etl_transaction t union all select to_jsonb(c) from etl.checkpoint c
      union all select to_jsonb(v) from etl.view_source v union all select to_jsonb(k) from etl.queued_key k
      union all select to_jsonb(l) from etl.lease l union all select to_jsonb(e) from etl.etl_error e
      order by 1`);
    return [rows, await world.query(`select * from ${pair.target} order by ${pair.keyColumn}`)];
  }
});

import assert from 'node:assert/strict';
import { tick } from '../../../functions/extract/tick.ts';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';
import { countRoundTrips, type Wire, type WireCounter } from '../../support/round-trips.ts';
import { useStack } from '../../support/use-installation.ts';

type Calls = Record<string, number>;
type Counted = { source: Wire; control: Wire; calls: Calls };

const NOTHING: Wire = { statements: 0, roundTrips: 0 };

/** How often the state of a job is asked for depends on time. */
const POLL = 'bigquery.jobs.get';

type BatchName = { view: string; etlTransactionId: string };

const APPLY: Record<string, (on: Installation, batch: BatchName) => Promise<unknown>> = {
  pmr_project: (on, batch) => on.merge(batch),
  xyz_incident: (on, batch) => on.stream(batch),
};

/** A number that grows makes every tick of every view slower: lower it where that is possible, and raise it for a reason only. */
const EXPECTED: Record<string, Counted[]> = {
  pmr_project: [
    step([45, 21], [24, 16], {
      'bigquery.jobs.insert': 1,
      'bigquery.tables.get': 4,
      'pubsub.Publish': 1,
      'storage.objects.insert': 2,
    }),
    step([0, 0], [23, 10], {
      'bigquery.jobs.getQueryResults': 1,
      'bigquery.jobs.insert': 1,
      'bigquery.tables.get': 2,
    }),
    step([40, 18], [17, 9], {}),
  ],
  xyz_incident: [
    step([40, 20], [24, 16], {
      'bigquery.tables.get': 2,
      'pubsub.Publish': 1,
      'storage.objects.get': 1,
      'storage.objects.insert': 3,
    }),
    step([0, 0], [23, 10], {
      AppendRows: 1,
      'bigquery.tables.get': 2,
      'storage.objects.download': 2,
      'storage.objects.get': 1,
    }),
    step([35, 17], [17, 9], {}),
  ],
};

const FAN_OUT: Wire = { statements: 15, roundTrips: 9 };

function step(source: [number, number], control: [number, number], calls: Calls): Counted {
  const wire = ([statements, roundTrips]: [number, number]): Wire => ({ statements, roundTrips });
  return { source: wire(source), control: wire(control), calls };
}

describe('the round trips of a tick', () => {
  const stack = useStack();
  let counter: WireCounter;
  let on: Installation;

  before(async () => {
    counter = await countRoundTrips(stack.postgres.port);
  });
  after(() => counter.close());

  /** An installation whose process reaches PostgreSQL through the counter, with some rows that are applied. */
  async function install(rows: number): Promise<void> {
    const direct = await stack.install({ views: [STREAMED_ENTRY] });
    const { SOURCE_DATABASE_URL = '', CONTROL_DATABASE_URL = '' } = direct.parts.env;
    on = await direct.anotherProcess({
      SOURCE_DATABASE_URL: counter.url(SOURCE_DATABASE_URL),
      CONTROL_DATABASE_URL: counter.url(CONTROL_DATABASE_URL),
    });
    await on.source.database.query(
      `insert into app_project (id, name) select n, 'project ' || n from generate_series(1, $1::int8) n`,
      [rows],
    );
    await on.source.database.query(
      `insert into app_incident (id, owner) select n, 'owner ' || n from generate_series(1, $1::int8) n`,
      [rows],
    );
    await logChanges(rows);
    for (const view of ['pmr_project', STREAMED_ENTRY.name]) await on.catchUp(view);
  }

  async function logChanges(rows: number): Promise<void> {
    await on.source.database.query(
      `insert into models_logging_change (object_id, content_type_id, action)
       select n::text, type, 'changed' from generate_series(1, $1::int8) n, (values (7), (18)) as t (type)`,
      [rows],
    );
  }

  /** What `work` sends, without the polls of jobs. */
  async function counting(work: () => Promise<unknown>): Promise<Counted> {
    counter.take();
    stack.clearFaults();
    await work();
    const wires = Object.entries(counter.take());
    const of = (side: string) => wires.find(([database]) => database.startsWith(side))?.[1] ?? NOTHING;
    const names = [stack.storage, stack.bigquery, stack.pubsub].flatMap(({ faults }) => faults.calls);
    const calls: Calls = {};
    for (const name of names.filter((each) => each !== POLL && !each.startsWith('bigquery.job.')))
      calls[name] = (calls[name] ?? 0) + 1;
    return { source: of('source'), control: of('control'), calls };
  }

  /** Extracts and applies changes of the view, of whose steps an idle extract is the third. The first time of a process is not counted. */
  async function countBatch(view: string, changes: number): Promise<Counted[]> {
    const take = async (): Promise<Counted[]> => {
      await logChanges(changes);
      // The count of the view's rows is due.
      await on.control.query('update etl.view_source set source_counted_at = null');
      const extract = await counting(() => on.extract(view));
      const id = String((await on.batches(view)).at(-1)?.id);
      const apply = await counting(
        () => APPLY[view]?.(on, { view, etlTransactionId: id }) ?? Promise.reject(),
      );
      assert.equal((await on.states(view)).at(-1), 'applied');
      return [extract, apply, await counting(() => on.extract(view))];
    };
    await take();
    return await take();
  }

  for (const [view, expected] of Object.entries(EXPECTED)) {
    it(`are those of ${view} that are expected, whatever the numbers of rows, log rows and changes`, async () => {
      await install(10);
      const small = await countBatch(view, 1);
      await install(5_000);
      const large = await countBatch(view, 500);

      assert.deepEqual(small.map(sent), expected.map(sent));
      assert.deepEqual(large.map(sent), expected.map(sent));
      for (const [i, each] of [...small, ...large].entries()) {
        const most = expected[i % expected.length];
        assert.ok(
          most &&
            each.source.roundTrips <= most.source.roundTrips &&
            each.control.roundTrips <= most.control.roundTrips,
          `step ${i}: ${JSON.stringify(each)}`,
        );
      }
    });
  }

  it('are as many for the fan-out of many views, whose messages go together', async () => {
    await install(10);
    const fanOut = () => counting(() => tick('scheduler', on.dependencies));
    await fanOut();
    const few = await fanOut();
    await on.control.query(
      `insert into etl.view_source select (jsonb_populate_record(v, jsonb_build_object('name', 'view_' || n, 'target_name', 'target_' || n))).*
       from etl.view_source v, generate_series(1, 20) n where v.name = 'pmr_site'`,
    );
    const many = await fanOut();

    assert.deepEqual(few, { source: NOTHING, control: FAN_OUT, calls: { 'pubsub.Publish': 1 } });
    assert.deepEqual(many, few);
    assert.equal((await on.mailboxes.extract.take()).length, 3 + 3 + 23);
  });
});

const sent = ({ source, control, calls }: Counted) => ({
  source: source.statements,
  control: control.statements,
  calls,
});

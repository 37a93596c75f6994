import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { deliver, deliverAll, type Message, takeMessages } from './deliver.ts';

/** A random step: the application changes a row, the staged objects of streamed batches are lost, or messages are delivered. */
type Action =
  | { what: 'change'; table: 'app_project' | 'app_incident'; id: number; isDeleted: boolean }
  | { what: 'loss' }
  | { what: 'deliveries'; ages: number[] };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('change' as const),
      table: fc.constantFrom('app_project' as const, 'app_incident' as const),
      id: fc.integer({ min: 1, max: 6 }),
      isDeleted: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('loss' as const) }) },
  {
    weight: 6,
    // The newest published message has age 0. An older one is delivered late, out of order, or again.
    arbitrary: fc.record({
      what: fc.constant('deliveries' as const),
      ages: fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }),
    }),
  },
);

const TICK: Message = { to: 'extract', payload: {} };

describe('messages that are delivered late, out of order, repeatedly and concurrently', () => {
  const { on } = useInstallation({
    per: 'file',
    settings: { MAX_BATCH_LOG_ROWS: '2' },
    views: [STREAMED_ENTRY],
  });
  let processes: Installation[];

  before(async () => {
    processes = [on, await on.anotherProcess()];
  });

  it('I2 I4 I5 I7 make source and target equal in any order, and change nothing when all of them are delivered again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 12, maxLength: 25 }), async (actions) => {
        const published: Message[] = [TICK];
        for (const each of actions) {
          await perform(each, published);
          published.push(...(await takeMessages(on)));
        }
        published.push(...(await deliverAll(on)));
        await on.assertAllEqual();

        const before = await snapshot();
        for (const message of new Map(published.map((each) => [JSON.stringify(each), each])).values()) {
          const { outcome } = await deliver(message, on);
          assert.ok(['already finished', 'idle', 'fanned out'].includes(outcome), outcome);
        }
        await takeMessages(on);
        assert.deepEqual(await snapshot(), before);
      }),
      { numRuns: 3, endOnFailure: true },
    );
  });

  async function perform(each: Action, published: readonly Message[]): Promise<void> {
    if (each.what === 'change') return await change(each);
    if (each.what === 'loss') return await loseStagedObjects();
    const chosen = each.ages.map((age) => published.at(-1 - (age % published.length)) ?? TICK);
    await Promise.all([TICK, ...chosen].map((message, i) => deliver(message, processes[i % 2] ?? on)));
  }

  async function change({ table, id, isDeleted }: Extract<Action, { what: 'change' }>): Promise<void> {
    const { rowCount } = await on.source.database.query(`select from ${table} where id = $1`, [id]);
    const text = table === 'app_project' ? 'name' : 'type';
    if (rowCount === 0) await on.source.add(table, { id, [text]: `row ${id}` });
    else if (isDeleted) await on.source.delete(table, id);
    else await on.source.change(table, id, { [text]: `changed at ${Date.now()}` });
  }

  /** Deletes the objects of staged batches; the stream function then requests a new capture of their rows. */
  async function loseStagedObjects(): Promise<void> {
    const { rows } = await on.control.query(
      `select staged_prefix from etl.etl_transaction where view_name = $1 and state = 'staged'`,
      [STREAMED_ENTRY.name],
    );
    for (const { staged_prefix: prefix } of rows) await on.bucket.deleteFiles({ prefix });
  }

  /** All batches, errors and target rows, and the ledger. */
  async function snapshot(): Promise<unknown[]> {
    const tables = (['project', 'incident'] as const).map((name) => on.targetTable(name));
    return [
      (await on.control.query('select * from etl.etl_transaction order by id')).rows,
      await on.errors(),
      ...(await Promise.all(tables.map((table) => on.query(`select * from ${table} order by 1`)))),
      await on.query(`select * from ${on.ledger()} order by view, etl_transaction_id`),
    ];
  }
});

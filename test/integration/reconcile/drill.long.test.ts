import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import { ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import type { Installation } from '../../support/installation.ts';
import { useStack } from '../../support/use-installation.ts';

const ROWS = 500;
const PAST_LIMIT_MS = 600_000;

// Floats are compared by value, so that all rows are read one by one.
const COLUMNS = { note: 'text', size: 'float8' };

for (const { loadType, keyType, keyOf, parts } of [
  { loadType: 'merge', keyType: 'bigint', keyOf: 'i - 200', parts: 'ranges of keys' },
  { loadType: 'bq-storage-api', keyType: 'text', keyOf: `'key ' || i`, parts: 'groups of buckets' },
] as const) {
  describe(`rows that are compared one by one, in ${parts} (${loadType})`, () => {
    const stack = useStack();
    let thing: ThingView;
    let on: Installation;

    beforeEach(async () => {
      const settings = { SLICE_ROWS: '100', MAX_BATCH_LOG_ROWS: '600' };
      thing = await ThingView.install(stack, { loadType, keyType, columns: COLUMNS, settings });
      on = thing.on;
      await change(`insert into app_thing (id, note, size) select ${keyOf}, 'first', 0.5 from generate_series(1, ${ROWS}) i;
        analyze app_thing`);
      await thing.logAll();
      await thing.replicate();
    });

    const change = (sql: string) => on.source.database.query(sql);

    const check = async () => {
      const { rows } = await on.control.query(
        `select id::text as check, state, drill_parts_done as done, drill_parts as parts
         from etl.consistency_check order by id desc limit 1`,
      );
      return { view: VIEW, ...(rows[0] as { check: string; state: string; done: number; parts: number }) };
    };

    const found = async () => {
      const { rows } = await on.control.query(
        'select key, kind from etl.consistency_difference order by kind, key',
      );
      return rows as { key: string; kind: string }[];
    };

    /** The jobs that have read rows of the target. */
    const rowJobs = () => jobsOf('rows');
    /** Those that have read it for the sums of its buckets. */
    const sumJobs = () => jobsOf('sums');

    const jobsOf = async (step: string) => {
      const [jobs] = await on.bigquery.getJobs({ allUsers: true });
      return jobs.filter(({ id }) => new RegExp(`^check_.*-${step}-\\d+_\\d+$`).test(id ?? '')).length;
    };

    /** A process that does something else after each part that it has recorded. */
    async function interruptedProcess(between: (partsDone: number) => Promise<void>): Promise<Installation> {
      const process = await on.anotherProcess();
      const { control } = process.dependencies;
      const consistencyChecks: typeof control.consistencyChecks = {
        ...control.consistencyChecks,
        noteDrilledPart: async (...given) => {
          await control.consistencyChecks.noteDrilledPart(...given);
          await between(given[2] + 1);
        },
      };
      process.dependencies = { ...process.dependencies, control: { ...control, consistencyChecks } };
      return process;
    }

    const killedAfter = (part: number) =>
      interruptedProcess(async (partsDone) => {
        if (partsDone === part) throw new DataHubError('transient', 'killed');
      });

    /** Damages rows behind the log's back, spread over all parts. */
    const damage = () =>
      change(`
        update app_thing set size = 0.25 where id in (select ${keyOf} from generate_series(50, ${ROWS}, 50) i);
        delete from app_thing where id in (select ${keyOf} from generate_series(1, ${ROWS}, 100) i);
        insert into app_thing (id, note, size) select ${keyOf}, 'new', 1 from generate_series(${ROWS + 1}, ${ROWS + 7}) i`);

    async function assertDamageFound(): Promise<void> {
      const { rows } = await on.source.database.query(`
        select (${keyOf})::text as key, 'different' as kind from generate_series(50, ${ROWS}, 50) i
        union all select (${keyOf})::text, 'extra' from generate_series(1, ${ROWS}, 100) i
        union all select (${keyOf})::text, 'missing' from generate_series(${ROWS + 1}, ${ROWS + 7}) i
        order by kind, key`);
      const ordered = (each: { key: string; kind: string }[]) =>
        each.map(({ key, kind }) => `${kind} ${key}`).toSorted();
      assert.deepEqual(ordered(await found()), ordered(rows));
    }

    it('are read in parts, the target by one query, and what differs is recorded', async () => {
      await damage();
      const log = on.captureLog();
      assert.partialDeepStrictEqual(await on.check({}, VIEW), { outcome: 'waiting', state: 'confirming' });
      const { done, parts: all } = await check();
      assert.ok(all > 3, `${all} parts`);
      assert.equal(done, all);
      assert.equal(await rowJobs(), 1);
      await assertDamageFound();
      const lines = log
        .records()
        .filter(({ message, reads }) => message === 'check goes on' && reads === 'rows');
      assert.deepEqual(
        lines.map(({ part, parts: of }) => [part, of]),
        Array.from({ length: all }, (_, i) => [i + 1, all]),
      );
    });

    it('go on with the part after the last that was recorded', async () => {
      await damage();
      await assert.rejects((await killedAfter(2)).check({}, VIEW), /killed/);
      assert.partialDeepStrictEqual(await check(), { state: 'comparing', done: 2 });
      const before = await found();
      assert.equal((await on.continueCheck(await check())).outcome, 'waiting');
      assert.ok(before.length > 0 && before.length < (await found()).length);
      assert.equal(await rowJobs(), 1);
      await assertDamageFound();
    });

    it('go on with a part within which the process was killed', async () => {
      await damage();
      const process = await on.anotherProcess();
      const { warehouse } = process.dependencies;
      let rows = 0;
      process.dependencies = {
        ...process.dependencies,
        warehouse: {
          ...warehouse,
          async readHashes(...given) {
            const read = await warehouse.readHashes(...given);
            return (async function* () {
              for await (const row of read) {
                rows += 1;
                if (rows === 250) throw new DataHubError('transient', 'killed');
                yield row;
              }
            })();
          },
        },
      };
      await assert.rejects(process.check({}, VIEW), /killed/);
      const { done } = await check();
      assert.ok(done > 0 && done < 4, `${done} parts`);
      assert.equal((await on.continueCheck(await check())).outcome, 'waiting');
      assert.equal(await rowJobs(), 1);
      await assertDamageFound();
    });

    it('go on where the time limit ended each call', async () => {
      await damage();
      let aheadMs = 0;
      const hurried = await interruptedProcess(async () => {
        aheadMs += PAST_LIMIT_MS;
      });
      hurried.dependencies = { ...hurried.dependencies, clock: { nowMs: () => Date.now() + aheadMs } };
      let result = await hurried.check({}, VIEW);
      const { parts: all } = await check();
      for (let part = 1; part < all; part += 1) {
        assert.partialDeepStrictEqual(await check(), { state: 'comparing', done: part });
        assert.equal(result.outcome, 'continued');
        result = await hurried.continueCheck(await check());
      }
      assert.partialDeepStrictEqual(result, { outcome: 'waiting', state: 'confirming' });
      assert.equal(await rowJobs(), 1);
      await assertDamageFound();
    });

    /** Checks the view, and does something else after the first part. Nothing may look different even at first sight. */
    async function assertNothingFound(between: () => Promise<unknown>): Promise<void> {
      const process = await interruptedProcess(async (partsDone) => {
        if (partsDone === 1) await between();
      });
      assert.equal((await process.check({}, VIEW)).outcome, 'consistent', JSON.stringify(await found()));
    }

    it('are not different where logged changes came after the moment, applied or not', async () => {
      await assertNothingFound(async () => {
        await change(`update app_thing set note = 'second'`);
        await thing.logAll();
        await on.catchUp(VIEW);
        await change(`with changed as (
          update app_thing set size = 2 where id in (select id from app_thing order by md5(id::text) limit 90) returning id
        ) insert into models_logging_change (object_id, content_type_id, action) select id::text, 50, 'changed' from changed`);
      });
      assert.equal(await rowJobs(), 1);
    });

    it('are not different where a key was queued at the moment, and its batch came meanwhile', async () => {
      await change(`update app_thing set note = 'unlogged'`);
      const { rows } = await on.source.database.query('select id::text as key from app_thing');
      await on.dependencies.control.queuedKeys.add(
        VIEW,
        rows.map(({ key }) => key as string),
        'repair',
      );
      await assertNothingFound(() => on.catchUp(VIEW));
      assert.equal(await rowJobs(), 1);
    });

    it('are not different where a key was queued after the moment', async () => {
      await assertNothingFound(async () => {
        await change(`update app_thing set note = 'unlogged'`);
        const { rows } = await on.source.database.query('select id::text as key from app_thing');
        await on.dependencies.control.queuedKeys.add(
          VIEW,
          rows.map(({ key }) => key as string),
          'repair',
        );
      });
    });

    it(`are read of the target while batches ${loadType === 'merge' ? 'go on' : 'wait'}`, async () => {
      await damage();
      const process = await on.anotherProcess();
      const { warehouse } = process.dependencies;
      const outcomes: string[] = [];
      process.dependencies = {
        ...process.dependencies,
        warehouse: {
          ...warehouse,
          async readHashes(...given) {
            if (outcomes.length === 0) outcomes.push((await on.extract(VIEW)).outcome);
            return await warehouse.readHashes(...given);
          },
        },
      };
      assert.equal((await process.check({}, VIEW)).outcome, 'waiting');
      assert.deepEqual(outcomes, [loadType === 'merge' ? 'idle' : 'busy']);
      await assertDamageFound();
    });

    it('get another moment when so many log rows have come that any key may be pending', async () => {
      await assertNothingFound(async () => {
        for (const note of ['second', 'third']) {
          await change(`update app_thing set note = '${note}'`);
          await thing.logAll();
          await on.catchUp(VIEW);
        }
      });
      assert.equal(await rowJobs(), 2);
      const { done, parts: all } = await check();
      assert.equal(done, all);
    });

    it('get another moment when the whole view came meanwhile', async () => {
      await assertNothingFound(async () => {
        await change(`update app_thing set note = 'unlogged'`);
        await on.dependencies.control.viewStops.requestResync(VIEW, { isWanted: true, acceptsDeletes: true });
        await on.catchUp(VIEW);
      });
      assert.equal(await rowJobs(), 2);
    });

    it('are compared anew when the view got another column meanwhile', async () => {
      await damage();
      await assert.rejects((await killedAfter(2)).check({}, VIEW), /killed/);
      await change(`alter table app_thing add column extra float8;
        create or replace view ${VIEW} as select id as thing_id, note, size, extra from app_thing`);
      assert.equal((await on.extract(VIEW)).outcome, 'resync requested');
      await on.catchUp(VIEW);
      await change(
        `update app_thing set extra = 1 where id in (select ${keyOf} from generate_series(40, 40) i)`,
      );
      assert.equal((await on.continueCheck(await check())).outcome, 'waiting');
      assert.deepEqual(
        (await found()).map(({ kind }) => kind),
        ['different'],
      );
      assert.equal(await sumJobs(), 2);
    });
  });
}

describe('rows of a streamed view that are compared one by one', () => {
  const stack = useStack();

  it('are compared by the streaming window of their query, however late a part is read', async () => {
    const thing = await ThingView.install(stack, {
      ...({ loadType: 'bq-storage-api', keyType: 'text' } as const),
      columns: { planned: 'date', size: 'float8' },
      settings: { SLICE_ROWS: '1' },
      entry: {
        ...({ partition_column: 'planned', partition_granularity: 'month' } as const),
        unrepresentable: { planned: 'null' },
      },
    });
    const { on } = thing;
    await on.source.database.query(`insert into app_thing (id, planned, size)
      select 'key ' || i, current_date, 0.5 from generate_series(1, 300) i`);
    await thing.logAll();
    await thing.replicate();
    const process = await on.anotherProcess();
    const { control } = process.dependencies;
    const consistencyChecks: typeof control.consistencyChecks = {
      ...control.consistencyChecks,
      noteDrilledPart: async () => {
        throw new DataHubError('transient', 'killed');
      },
    };
    process.dependencies = { ...process.dependencies, control: { ...control, consistencyChecks } };
    await assert.rejects(process.check({}, VIEW), /killed/);

    // As if today had been outside of the query's window.
    const { rows } = await on.control.query(`
      update etl.consistency_check set drill = jsonb_set(drill, '{window,to}', '"${new Date(Date.now() - 2 * 86_400_000).toISOString()}"')
      returning id::text as check, drill->'window'->>'from' as "from"`);
    const [{ check, from }] = rows as [{ check: string; from: string }];
    assert.ok(Date.parse(from) < Date.now());
    assert.equal((await on.continueCheck({ view: VIEW, check })).outcome, 'waiting');
    const { rowCount } = await on.control.query(
      `select from etl.consistency_difference where kind = 'different'`,
    );
    assert.equal(rowCount, 300);
  });
});

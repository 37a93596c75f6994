import assert from 'node:assert/strict';
import { tick } from '../../../functions/extract/tick.ts';
import { DataHubError } from '../../../shared/errors.ts';
import type { Installation } from '../../support/installation.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = PROJECT_ENTRY.name;
const PARTS = 5;

describe('a check in several parts', () => {
  const { on, stack } = useInstallation({ settings: { SLICE_ROWS: '100' } });

  beforeEach(async () => {
    await on.source.database.query(`
      insert into app_project (id, name) select i, 'project ' || i from generate_series(1, 500) i;
      analyze app_project`);
    await on.replicate();
  });

  const check = async () => {
    const { rows } = await on.control.query(
      `select id::text as check, state, parts_done, jsonb_array_length(cuts) + 1 as parts, source_rows::int4 as rows
       from etl.consistency_check order by id desc limit 1`,
    );
    return rows[0] as { check: string; state: string; parts_done: number; parts: number; rows: number };
  };

  /** The jobs that have read the target for the sums of its buckets. */
  const sumJobs = async () => {
    const [jobs] = await on.bigquery.getJobs({ allUsers: true });
    return jobs.filter(({ id }) => /^check_.*-sums-\d+_\d+$/.test(id ?? '')).length;
  };

  /** A process that ends after so many parts, before it records the next one. */
  function dyingAt(part: number, process: Installation): Installation {
    const { control } = process.dependencies;
    let parts = 0;
    const consistencyChecks: typeof control.consistencyChecks = {
      ...control.consistencyChecks,
      notePart: async (...given) => {
        parts += 1;
        if (parts > part) throw new DataHubError('transient', 'killed');
        await control.consistencyChecks.notePart(...given);
      },
    };
    process.dependencies = { ...process.dependencies, control: { ...control, consistencyChecks } };
    return process;
  }

  it('reads all of them', async () => {
    assert.equal((await on.check()).outcome, 'consistent');
    assert.partialDeepStrictEqual(await check(), { parts_done: PARTS, parts: PARTS, rows: 500 });
    assert.equal(await sumJobs(), 1);
  });

  it('goes on with the part at which it was killed, and reads the target once', async () => {
    const process = dyingAt(2, await on.anotherProcess());
    await assert.rejects(process.check(), /killed/);
    const { check: id, ...rest } = await check();
    assert.partialDeepStrictEqual(rest, { state: 'comparing', parts_done: 2 });
    assert.equal(await sumJobs(), 1);
    const again = await on.continueCheck({ view: VIEW, check: id });
    assert.equal(again.outcome, 'consistent');
    assert.partialDeepStrictEqual(await check(), { parts_done: PARTS, rows: 500 });
    assert.equal(await sumJobs(), 1);
  });

  it('asks to be continued when its time is up, by a message and by every tick', async () => {
    const held = stack.bigquery.faults.holdNext('bigquery.job.query');
    const hurried = await on.hurriedProcess(held);
    const result = hurried.check().catch((error: unknown) => error);
    await held.reached;
    held.release();
    await result;
    assert.notEqual((await check()).state, 'done');
    await on.mailboxes.reconcile.take();
    await tick('scheduler', on.dependencies);
    const { check: id } = await check();
    assert.deepEqual(await on.mailboxes.reconcile.take(), [{ view: VIEW, check: id }]);
    assert.equal((await on.continueCheck({ view: VIEW, check: id })).outcome, 'consistent');
    await tick('scheduler', on.dependencies);
    assert.deepEqual(await on.mailboxes.reconcile.take(), []);
  });

  it('is repaired to the end by other processes than the one that began it', async () => {
    await on.source.database.query(`update app_project set name = 'changed' where id in (1, 250, 500)`);
    const result = await on.check({ repair: true });
    assert.ok(result.outcome === 'waiting');
    await on.catchUp();
    const second = await on.anotherProcess();
    assert.partialDeepStrictEqual(await second.continueCheck(result), {
      outcome: 'waiting',
      state: 'repairing',
    });
    await on.catchUp();
    const third = await on.anotherProcess();
    assert.partialDeepStrictEqual(await third.continueCheck(result), { outcome: 'consistent', repaired: 3 });
    assert.equal(await sumJobs(), 1);
    await on.assertEqual();
  });
});

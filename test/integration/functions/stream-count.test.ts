import assert from 'node:assert/strict';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { deliverToOldTable, failBefore, pass } from '../../emulators/faults.ts';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = STREAMED_ENTRY.name;

describe('a complete batch that is streamed', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  const appends = () => stack.bigquery.faults.calls.filter((call) => call === 'AppendRows').length;
  const progress = async () => (await on.batches(VIEW)).at(-1)?.streamed_rows;
  const requestResync = () =>
    on.dependencies.control.viewStops.requestResync(VIEW, { isWanted: true, acceptsDeletes: false });
  /** The same installation, whose clock is that much ahead. */
  const later = async (minutes: number): Promise<Installation> => {
    const process = await on.anotherProcess();
    process.dependencies = {
      ...process.dependencies,
      clock: { nowMs: () => Date.now() + minutes * 60_000 },
    };
    return process;
  };

  beforeEach(async () => {
    await on.source.add('app_incident', { id: 1, type: 'one' }, { id: 2, type: 'two' });
    await on.replicate(VIEW);
    await on.source.add('app_incident', { id: 3, type: 'three' });
    await on.source.delete('app_incident', 2);
    await requestResync();
    stack.bigquery.faults.clear();
  });

  it('I2 is not applied before its rows are in the target, is counted again, and sent again after ten minutes', async () => {
    const checkpoint = await on.checkpointOf(VIEW);
    const batch = await on.stage(VIEW);
    stack.bigquery.faults.next('AppendRows', deliverToOldTable());

    for (const minutes of [0, 0, 9]) {
      const process = await later(minutes);
      await assert.rejects(process.stream(batch), {
        kind: 'transient',
        message: /0 of the 2 rows .* are in the target/,
      });
      assert.equal(appends(), 1);
      assert.equal(await progress(), '2');
    }
    // The row that the view has lost is still there: a reader would miss rows that are yet to come.
    assert.equal((await on.target('incident')).length, 2);
    assert.deepEqual(await on.checkpointOf(VIEW), checkpoint);
    assert.deepEqual(await on.states(VIEW), ['applied', 'applying']);
    const patient = await later(11);
    await assert.rejects(patient.stream(batch), { kind: 'transient', message: /sent again/ });
    assert.equal(appends(), 1);
    assert.equal(await progress(), '0');

    const applied = await patient.stream(batch);

    assert.partialDeepStrictEqual(applied, { outcome: 'applied', added: '2', deleted: '1' });
    assert.deepEqual(stack.bigquery.faults.unused, []);
    await on.assertIncidentsEqual();
    assert.equal(await on.haltedReason(VIEW), null);
  });

  it('I2 waits for another ten minutes after its rows were sent again', async () => {
    const batch = await on.stage(VIEW);
    stack.bigquery.faults.next('AppendRows', deliverToOldTable(), deliverToOldTable());
    await assert.rejects(on.stream(batch), { message: /are in the target/ });
    await assert.rejects((await later(11)).stream(batch), { message: /sent again/ });

    await assert.rejects(on.stream(batch), { message: /are in the target/ });
    await assert.rejects((await later(9)).stream(batch), { message: /are in the target/ });

    assert.equal(appends(), 2);
    assert.equal(await progress(), '2');
  });

  it('I2 is counted when a part of its rows is missing', async () => {
    const parts = await on.anotherProcess({ MAX_PART_BYTES: '1000000' });
    await on.source.database.query(
      `insert into app_incident (id, type) select i, repeat('x', 600) from generate_series(10, 20010) i`,
    );
    const batch = await parts.stage(VIEW);
    stack.bigquery.faults.next('AppendRows', pass(), deliverToOldTable());

    await assert.rejects(on.stream(batch), {
      kind: 'transient',
      message: /\d+ of the 20003 rows .* are in the target/,
    });

    assert.ok(appends() > 2, `${appends()} requests`);
    await assert.rejects((await later(11)).stream(batch), { message: /sent again/ });
    await on.stream(batch);
    await on.assertIncidentsEqual();
  });

  it('I5 only counts when it was counted in vain, and is applied when its rows are there', async () => {
    const batch = await on.stage(VIEW);
    stack.bigquery.faults.next('bigquery.jobs.insert', failBefore(403, 'accessDenied'));
    await assert.rejects(on.stream(batch), { kind: 'unauthorized' });
    assert.equal(appends(), 1);

    assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2', deleted: '1' });

    // The delete.
    assert.equal(appends(), 2);
    await on.assertIncidentsEqual();
  });

  it('I8 continues after the count has failed repeatedly for a transient reason', async () => {
    const batch = await on.stage(VIEW);
    const failing = Array.from({ length: 4 }, () => failJob('backendError'));
    stack.bigquery.faults.next('bigquery.job.query', ...failing);

    await assert.rejects(on.stream(batch), { kind: 'transient' });
    assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2' });

    assert.deepEqual(stack.bigquery.faults.unused, []);
    await on.assertIncidentsEqual();
  });

  it('I2 into a table that was dropped, whose rows go to the old one at first', async () => {
    // A view that was never streamed is loaded by a load job.
    await on.replicate(VIEW);
    await requestResync();
    await on.query(`drop table ${on.targetTable('incident')}`);
    const batch = await on.stage(VIEW);
    stack.bigquery.faults.next('AppendRows', deliverToOldTable());
    await assert.rejects(on.stream(batch), { kind: 'transient' });
    await assert.rejects((await later(11)).stream(batch), { kind: 'transient' });

    await on.stream(batch);

    await on.assertIncidentsEqual();
    assert.partialDeepStrictEqual(await on.extract(VIEW), { outcome: 'idle' });
  });
});

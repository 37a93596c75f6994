import assert from 'node:assert/strict';
import { STREAMED_ENTRY, type Staged } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { isBeingLoadedBefore, manifestBefore } from './json-lines/functions-before.ts';
import { leaveJob } from './json-lines/leave-as-before.ts';
import { addIncidents, MERGED, STREAMED } from './json-lines/scenarios.ts';

describe('functions that know JSON lines alone', () => {
  const { on } = useInstallation({ views: [STREAMED_ENTRY] });

  const manifestOf = async ({ view, etlTransactionId }: Staged): Promise<unknown> => {
    const [content] = await on.bucket.file(`${view}/${etlTransactionId}/manifest.json`).download();
    return JSON.parse(content.toString());
  };

  it('I2 I8 take every batch that is staged today for lost, so that they capture it again and never read it as lines', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await addIncidents(on);
    const staged = [];
    for (const view of [MERGED, STREAMED]) {
      const first = await on.stage(view);
      staged.push(await manifestOf(first));
      await on.apply(first);
      await on.source.change(view === MERGED ? 'app_project' : 'app_incident', 1, {
        [view === MERGED ? 'name' : 'type']: 'uno',
      });
      staged.push(await manifestOf(await on.stage(view)));
    }

    assert.deepEqual(
      staged.map((json) => (json as { format: string }).format),
      ['avro', 'avro', 'avro', 'protobuf'],
    );
    for (const json of staged) assert.equal(manifestBefore.safeParse(json).success, false);
  });

  it('I4 leave a first load of a merged view alone that was staged for its target, and have its event retried', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    const batch = await on.stage();

    const [row] = await on.batches();

    assert.ok(row);
    assert.ok(isBeingLoadedBefore(row));
    await on.merge(batch);
    await on.source.change('app_project', 1, { name: 'uno' });
    await on.stage();
    const [, changes] = await on.batches();
    assert.ok(changes);
    assert.ok(!isBeingLoadedBefore(changes), 'but merge changes whose rows are in the temp table');
  });

  it('I5 merge by the procedure of today, and their merge is found', async () => {
    await on.source.add(
      'app_project',
      { id: 1, name: 'one' },
      { id: 2, name: 'two' },
      { id: 3, name: 'three' },
    );
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'uno' });
    await on.source.delete('app_project', 2);
    const batch = await on.stage();
    await leaveJob(on, 'merge_SMartDataAnalytics_pmr_project_2_1', MERGED);

    assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', changed: '1', deleted: '1' });

    await on.assertEqual();
  });

  it('I5 record by the procedure of today a first load that was loaded, but not recorded', async () => {
    await on.source.add(
      'app_project',
      { id: 1, name: 'one' },
      { id: 2, name: 'two' },
      { id: 3, name: 'three' },
    );
    const batch = await on.stage();
    const loading = await on.anotherProcess();
    const { warehouse } = loading.dependencies;
    const merge = () => Promise.reject(new Error('the process ended'));
    loading.dependencies = { ...loading.dependencies, warehouse: { ...warehouse, merge } };
    await assert.rejects(loading.merge(batch));
    assert.equal((await on.target()).length, 3);
    await on.control.query(
      `update etl.etl_transaction set state = 'applying'; update etl.view_source set halted_at = null, halted_reason = null`,
    );

    await leaveJob(on, 'merge_SMartDataAnalytics_pmr_project_1_1', MERGED);

    assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '3' });
    await on.assertEqual();
  });
});

import assert from 'node:assert/strict';
import { failAfterEffect } from '../../emulators/faults.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = STREAMED_ENTRY.name;

// BigQuery silently ignores a change with a lower sequence number than the row's, even for deleted rows, whose sequence numbers no query
// shows. So a batch id that is used twice would freeze rows.
describe('I7 a control database that does not know what was streamed', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_incident', { id: 1, type: 'one' }, { id: 2, type: 'two' });
    await on.replicate(VIEW);
  });

  /** Streams three batches, the last of which only deletes. Returns its batch id. */
  async function streamMore(): Promise<number> {
    for (const type of ['uno', 'eins']) {
      await on.source.change('app_incident', 1, { type });
      await on.replicate(VIEW);
    }
    await on.source.delete('app_incident', 2);
    return Number((await on.replicate(VIEW)).etlTransactionId);
  }

  /** Deletes staged objects, as the bucket's lifecycle rule does. They would reveal that their batch ids were used before. */
  async function forgetStagedObjects({ also = '' } = {}): Promise<void> {
    const [files] = await on.bucket.getFiles({ prefix: `${VIEW}/` });
    const forgotten = files.filter(({ name }) => /\/\d+\//.test(name) || name === also);
    await Promise.all(forgotten.map((file) => file.delete()));
  }

  async function comeBack(): Promise<void> {
    await on.source.change('app_incident', 1, { type: 'un' });
    await on.source.add('app_incident', { id: 2, type: 'again' });
  }

  it('because it was restored continues above every batch id that was streamed', async () => {
    const backup = await on.backUpControl();
    const last = await streamMore();
    await forgetStagedObjects();
    await backup.restore();
    await comeBack();

    const applied = await on.replicate(VIEW);

    assert.ok(Number(applied.etlTransactionId) > last);
    await on.assertIncidentsEqual();
  });

  it('because it is new continues above every batch id that was streamed', async () => {
    const last = await streamMore();
    await forgetStagedObjects();
    await comeBack();
    const reborn = await stack.takingOver(on);

    const applied = await reborn.replicate(VIEW);

    assert.ok(Number(applied.etlTransactionId) > last);
    await on.assertIncidentsEqual();
  });

  it('reads the highest batch id from the target when the object in the bucket is gone too', async () => {
    const backup = await on.backUpControl();
    await on.source.change('app_incident', 1, { type: 'uno' });
    const { etlTransactionId: last } = await on.replicate(VIEW);
    await forgetStagedObjects({ also: `${VIEW}/last-batch` });
    await backup.restore();
    await on.source.change('app_incident', 1, { type: 'un' });

    const applied = await on.replicate(VIEW);

    assert.ok(Number(applied.etlTransactionId) > Number(last));
    await on.assertIncidentsEqual();
  });

  it('I5 recognizes its own batch id when the answer to writing it was lost', async () => {
    await streamMore();
    await on.source.change('app_incident', 1, { type: 'un' });
    stack.storage.faults.next('storage.objects.insert', failAfterEffect(503));

    await on.replicate(VIEW);

    assert.deepEqual(stack.storage.faults.unused, []);
    await on.assertIncidentsEqual();
  });

  it('notices a load job with its id that an earlier control database started', async () => {
    const fresh = await stack.install({ views: [STREAMED_ENTRY] });
    await fresh.source.add('app_incident', { id: 1, type: 'one' });
    const batch = await fresh.stage(VIEW);
    const jobId = `stream_SMartDataAnalytics_xyz_incident_${batch.etlTransactionId}_1_1`;
    await fresh.bigquery.createQueryJob({ query: 'select 1', jobId });

    assert.partialDeepStrictEqual(await fresh.stream(batch), { outcome: 'recaptured' });

    await fresh.replicate(VIEW);
    await fresh.assertIncidentsEqual();
  });

  it('retries when the other control database is still running', async () => {
    await streamMore();
    await comeBack();
    const { dependencies } = on;
    const { staging } = dependencies;
    on.dependencies = {
      ...dependencies,
      staging: {
        ...staging,
        readStreamHighWater: async (view) => {
          const read = await staging.readStreamHighWater(view);
          await staging.writeStreamHighWater(
            view,
            { id: 700n, token: 'of the other control database' },
            read,
          );
          return read;
        },
      },
    };
    await assert.rejects(on.extract(VIEW), { kind: 'batch_id_collision' });
    on.dependencies = dependencies;

    const applied = await on.replicate(VIEW);

    assert.ok(Number(applied.etlTransactionId) > 700);
    await on.assertIncidentsEqual();
  });
});

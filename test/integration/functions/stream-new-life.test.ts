import assert from 'node:assert/strict';
import { failAfterEffect } from '../../emulators/faults.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = STREAMED_ENTRY.name;

// BigQuery ignores what is older than it knows, without a word: a number given twice would freeze rows, deleted ones too,
// whose numbers no query shows.
describe('I7 a control database that does not know what was streamed', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_incident', { id: 1, type: 'one' }, { id: 2, type: 'two' });
    await on.replicate(VIEW);
  });

  /** Three batches, the last of which only deletes. Answers its number. */
  async function streamMore(): Promise<number> {
    for (const type of ['uno', 'eins']) {
      await on.source.change('app_incident', 1, { type });
      await on.replicate(VIEW);
    }
    await on.source.delete('app_incident', 2);
    return Number((await on.replicate(VIEW)).etlTransactionId);
  }

  /** As a bucket's lifecycle does it; what was staged under a number betrays that it was given before. */
  async function forgetStagedObjects({ also = '' } = {}): Promise<void> {
    const [files] = await on.bucket.getFiles({ prefix: `${VIEW}/` });
    const forgotten = files.filter(({ name }) => /\/\d+\//.test(name) || name === also);
    await Promise.all(forgotten.map((file) => file.delete()));
  }

  async function comeBack(): Promise<void> {
    await on.source.change('app_incident', 1, { type: 'un' });
    await on.source.add('app_incident', { id: 2, type: 'again' });
  }

  it('because it was restored goes on above every number that was streamed', async () => {
    const backup = await on.backUpControl();
    const last = await streamMore();
    await forgetStagedObjects();
    await backup.restore();
    await comeBack();

    const applied = await on.replicate(VIEW);

    assert.ok(Number(applied.etlTransactionId) > last);
    await on.assertIncidentsEqual();
  });

  it('because it is new goes on above every number that was streamed', async () => {
    const last = await streamMore();
    await forgetStagedObjects();
    await comeBack();
    const reborn = await stack.withNewControl(on);

    const applied = await reborn.replicate(VIEW);

    assert.ok(Number(applied.etlTransactionId) > last);
    await on.assertIncidentsEqual();
  });

  it('asks the target when the bucket has forgotten too', async () => {
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

  it('I5 is not taken for another life when the answer to its own number was lost', async () => {
    await streamMore();
    await on.source.change('app_incident', 1, { type: 'un' });
    stack.storage.faults.next('storage.objects.insert', failAfterEffect(503));

    await on.replicate(VIEW);

    assert.deepEqual(stack.storage.faults.unused, []);
    await on.assertIncidentsEqual();
  });

  it("is noticed by a load job of its name that is another life's", async () => {
    const fresh = await stack.install({ views: [STREAMED_ENTRY] });
    await fresh.source.add('app_incident', { id: 1, type: 'one' });
    const batch = await fresh.stage(VIEW);
    const jobId = `stream_SMartDataAnalytics_xyz_incident_${batch.etlTransactionId}_1_1`;
    await fresh.bigquery.createQueryJob({ query: 'select 1', jobId });

    assert.partialDeepStrictEqual(await fresh.stream(batch), { outcome: 'recaptured' });

    await fresh.replicate(VIEW);
    await fresh.assertIncidentsEqual();
  });

  it('is tried again when the other life goes on at the same time', async () => {
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

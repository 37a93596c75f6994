import assert from 'node:assert/strict';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { failBefore, pass } from '../../emulators/faults.ts';
import { useInstallation } from '../../support/use-installation.ts';

const ROWS = 1000;
/** What a former control database left under a batch id. */
const OTHER_MANIFEST = {
  ...{ view: 'pmr_project', etl_transaction_id: '1', format: 'avro', codec: 'zstd', direct_load: true },
  ...{ columns: [], upserts: 0, deletes: 0, bytes: 0, objects: [] },
};

describe('a copy in slices that cannot become a batch', () => {
  const { on, stack } = useInstallation({ settings: { SLICE_ROWS: '250', MAX_SLICES: '1' } });

  beforeEach(() =>
    on.source.database.query(
      `insert into app_project (id, name) select n, 'project ' || n from generate_series(1, ${ROWS}) n;
       analyze app_project`,
    ),
  );

  const resync = () =>
    on.dependencies.control.viewStops.requestResync('pmr_project', { isWanted: true, acceptsDeletes: false });
  /** A call that ends after it has copied two slices. */
  const copyTwoSlices = async () => {
    stack.storage.faults.next('storage.objects.insert', pass(), pass(), failBefore(403));
    await assert.rejects(on.extract(), { kind: 'unauthorized' });
    assert.equal((await on.states()).at(-1), 'extracting');
  };

  it('I8 is begun anew after BigQuery refused the load of all its slices: its job would be found again', async () => {
    await on.replicate();
    await resync();
    stack.bigquery.faults.next('bigquery.job.load', failJob('invalidQuery'));
    await assert.rejects(on.extract(), { kind: 'warehouse' });
    assert.deepEqual(await on.states(), ['applied', 'failed']);
    await on.dependencies.control.viewStops.resume('pmr_project');

    assert.partialDeepStrictEqual(await on.replicate(), { etlTransactionId: '3', unchanged: String(ROWS) });

    assert.deepEqual(await on.states(), ['applied', 'abandoned', 'applied']);
  });

  it('I2 is begun anew if staged objects are gone when the last slice is copied', async () => {
    await on.replicate();
    await resync();
    await copyTwoSlices();
    await on.bucket.deleteFiles({ prefix: 'pmr_project/2/' });
    await assert.rejects(on.extract(), { kind: 'staging_lost' });

    assert.partialDeepStrictEqual(await on.replicate(), { etlTransactionId: '3', unchanged: String(ROWS) });

    assert.deepEqual(await on.states(), ['applied', 'abandoned', 'applied']);
  });

  it('I7 is begun anew under a higher batch id if its manifest is that of another batch', async () => {
    await copyTwoSlices();
    await on.bucket.file('pmr_project/1/manifest.json').save(JSON.stringify(OTHER_MANIFEST));
    await assert.rejects(on.extract(), { kind: 'batch_id_collision' });

    assert.partialDeepStrictEqual(await on.replicate(), { added: String(ROWS) });

    assert.deepEqual(await on.states(), ['abandoned', 'applied']);
    await on.assertEqual();
  });

  it('I8 halts its view if a statement has no time to look for rows without a key', async () => {
    await on.source.database.query(
      `create function slow() returns setof text language plpgsql as $$ begin perform pg_sleep(5); end $$;
       create or replace view pmr_project as
       select p.id as project_id, p.name, null::text as company, p.share, p.opened, p.updated_at from app_project p
       union all select null, slow, null, null::numeric(12, 3), null, null from slow()`,
    );
    const hurried = await on.anotherProcess({ STATEMENT_TIMEOUT_SECONDS: '2' });

    await assert.rejects(hurried.extract(), {
      kind: 'configuration',
      message: /^the search for rows of view pmr_project without a key did not end within/,
    });

    assert.match(String(await on.haltedReason()), /without a key/);
  });
});

import assert from 'node:assert/strict';
import type { DataHubError } from '../../../shared/errors.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import type { Manifest } from '../../../shared/staging/staging.ts';
import { STREAMED_ENTRY, type Staged } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = STREAMED_ENTRY.name;

describe('bad input for streaming causes a clear error, and nothing is lost', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_incident', { id: 1, type: 'one' }, { id: 2, type: 'two' });
    await on.replicate(VIEW);
    await on.source.add('app_incident', { id: 3, type: 'three' });
    await on.source.delete('app_incident', 2);
  });

  const keysAndTypes = () =>
    on.query(`select incident_id, incident_type from ${on.targetTable('incident')} order by incident_id`);

  /** Asserts that only this view is halted, with the reason, and that it continues after it is repaired and resumed. */
  async function assertHalted(reason: RegExp, mend: () => Promise<unknown>): Promise<void> {
    assert.match(String(await on.haltedReason(VIEW)), reason);
    assert.equal(await on.haltedReason('pmr_project'), null);
    await mend();
    await on.dependencies.control.viewStops.resume(VIEW);
    await on.replicate(VIEW);
    await on.assertIncidentsEqual();
  }

  describe('a staged object', () => {
    const nameOf = ({ etlTransactionId }: Staged, set = 'upserts') =>
      `${VIEW}/${etlTransactionId}/${set}-00000.pb.zst`;
    const read = async (name: string) => (await on.bucket.file(name).download({ decompress: false }))[0];
    const write = (name: string, content: Buffer | string) =>
      on.bucket.file(name).save(content, { resumable: false });
    const manifestOf = ({ etlTransactionId }: Staged) => `${VIEW}/${etlTransactionId}/manifest.json`;

    async function change(batch: Staged, how: (manifest: Manifest) => Manifest): Promise<void> {
      const manifest = JSON.parse((await read(manifestOf(batch))).toString('utf8')) as Manifest;
      await write(manifestOf(batch), JSON.stringify(how(manifest)));
    }

    const damages: Record<string, (batch: Staged) => Promise<unknown>> = {
      'that is truncated': async (batch) => write(nameOf(batch), (await read(nameOf(batch))).subarray(0, -9)),
      'that is not ours': (batch) => write(nameOf(batch), 'not at all'),
      'whose block is damaged': async (batch) => {
        const content = await read(nameOf(batch));
        await write(nameOf(batch), content.fill(7, 30, 40));
      },
      'that was replaced': async (batch) => write(nameOf(batch), await read(nameOf(batch, 'deletes'))),
      'that is gone': (batch) => on.bucket.file(nameOf(batch)).delete(),
      'whose manifest is gone': (batch) => on.bucket.file(manifestOf(batch)).delete(),
      'whose manifest belongs to another batch': (batch) =>
        change(batch, (manifest) => ({ ...manifest, etl_transaction_id: '1' })),
      'whose manifest belongs to another view': (batch) =>
        change(batch, (manifest) => ({ ...manifest, view: 'pmr_project' })),
      'whose manifest has fewer upserts than were staged': (batch) =>
        change(batch, (manifest) => ({ ...manifest, upserts: manifest.upserts - 1 })),
      'whose manifest has more deletes than were staged': (batch) =>
        change(batch, (manifest) => ({ ...manifest, deletes: manifest.deletes + 1 })),
      'whose manifest is not JSON': (batch) => write(manifestOf(batch), '{"view"'),
    };
    for (const [what, damage] of Object.entries(damages)) {
      it(`${what} has its rows captured again under a new batch id`, async () => {
        const batch = await on.stage(VIEW);
        const target = await keysAndTypes();
        await damage(batch);

        const outcome = await on.stream(batch);

        assert.partialDeepStrictEqual(outcome, { outcome: 'recaptured' });
        assert.deepEqual(await keysAndTypes(), target);
        assert.deepEqual(await on.states(VIEW), ['applied', 'abandoned']);
        assert.deepEqual(await on.mailboxes.extract.take(), [{ view: VIEW, trigger: 'recapture' }]);
        await on.replicate(VIEW);
        await on.assertIncidentsEqual();
      });
    }

    it('that was replaced is noticed before any row is written', async () => {
      await on.source.database.query(`
        with added as (insert into app_incident (id, type) select i, repeat('x', 100) from generate_series(10, 20000) i returning id)
        insert into models_logging_change (object_id, content_type_id, action) select id, 18, 'added' from added`);
      const batch = await on.stage(VIEW);
      await write(nameOf(batch), await read(nameOf(batch, 'deletes')));

      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'recaptured' });

      assert.equal(stack.bigquery.faults.calls.includes('AppendRows'), false);
    });
  });

  describe('the target', () => {
    const table = () => on.targetTable('incident');

    it('with another column type halts the view, at extract and at stream', async () => {
      const batch = await on.stage(VIEW);
      const copy = table().replace('incident', 'copied_incident');
      await on.query(`create table ${copy} as select * replace (7 as status) from ${table()};
        drop table ${table()}; create table ${table()} as select * from ${copy}`);

      await assert.rejects(on.stream(batch), { kind: 'schema_drift' });

      assert.match(
        String(await on.haltedReason(VIEW)),
        /column status is NULLABLE INT64 instead of NULLABLE STRING/,
      );
      await on.dependencies.control.viewStops.resume(VIEW);
      await assert.rejects(on.extract(VIEW), { kind: 'schema_drift' });
    });

    const keys = {
      'without a primary key': 'the primary key incident_id is not declared',
      'with another one': 'the primary key is status',
    };
    for (const [what, reason] of Object.entries(keys)) {
      it(`${what} halts the view before a row is written`, async () => {
        const batch = await on.stage(VIEW);
        await on.query(`alter table ${table()} drop primary key`);
        if (what === 'with another one') {
          await on.query(`alter table ${table()} add primary key (status) not enforced`);
        }

        await assert.rejects(on.stream(batch), { kind: 'schema_drift' });

        assert.equal(stack.bigquery.faults.calls.includes('AppendRows'), false);
        await assertHalted(new RegExp(reason), async () => {
          if (what === 'with another one') await on.query(`alter table ${table()} drop primary key`);
          await on.query(`alter table ${table()} add primary key (incident_id) not enforced`);
        });
      });
    }

    it('that is dropped while rows are being sent halts the view', async () => {
      const held = stack.bigquery.faults.holdNext('AppendRows');
      const batch = await on.stage(VIEW);
      const streaming = assert.rejects(on.stream(batch), { kind: 'configuration' });
      await held.reached;
      await on.query(`drop table ${table()}`);
      held.release();

      await streaming;

      assert.match(String(await on.haltedReason(VIEW)), /incident/);
    });

    it('that no longer exists halts the view', async () => {
      const batch = await on.stage(VIEW);
      await on.query(`drop table ${table()}`);

      await assert.rejects(on.stream(batch), (error: DataHubError) => {
        assert.equal(error.kind, 'configuration');
        assert.doesNotMatch(error.advice, /time travel/, 'BigQuery copies no table that is streamed');
        return true;
      });

      assert.match(String(await on.haltedReason(VIEW)), /the target of view xyz_incident is gone/);
    });
  });

  it('an incomplete emulator address is refused', async () => {
    const batch = await on.stage(VIEW);
    const host = process.env.BIGQUERY_STORAGE_EMULATOR_HOST;
    try {
      for (const wrong of ['', 'http://127.0.0.1:9060', 'localhost']) {
        process.env.BIGQUERY_STORAGE_EMULATOR_HOST = wrong;
        await assert.rejects(on.stream(batch), {
          kind: 'environment',
          message: /BIGQUERY_STORAGE_EMULATOR_HOST/,
        });
      }
    } finally {
      process.env.BIGQUERY_STORAGE_EMULATOR_HOST = host;
    }
    await on.stream(batch);
    await on.assertIncidentsEqual();
  });

  it('I11 another load type is refused by the import', async () => {
    await assert.rejects(
      importConfiguration({ entries: [{ ...STREAMED_ENTRY, load_type: 'merge' }] }, on.dependencies),
      {
        kind: 'configuration',
        message: /has batches with load_type bq-storage-api; an import cannot change it to merge/,
      },
    );
  });

  it('an event for the other load type is refused, and changes nothing', async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    const [streamed, merged] = [await on.stage(VIEW), await on.stage()];

    await assert.rejects(on.stream(merged), {
      kind: 'invalid_event',
      message: /stream does not apply view pmr_project: its load type is merge/,
    });
    await assert.rejects(on.merge(streamed), {
      kind: 'invalid_event',
      message: /merge does not apply view xyz_incident: its load type is bq-storage-api/,
    });

    assert.deepEqual([await on.haltedReason(VIEW), await on.haltedReason()], [null, null]);
    await on.stream(streamed);
    await on.merge(merged);
    await on.assertIncidentsEqual();
  });
});

import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';
import { pageByPage } from '../../support/page-by-page.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { downgrade, downgradeProcedure } from './release-0.2.0/downgrade.ts';

/** Applies all batches of a view, also those that the release before has left, until there is nothing more to do. */
async function catchUp(upgraded: Installation, view: string): Promise<void> {
  for (;;) {
    const extracted = await upgraded.extract(view);
    if (extracted.outcome === 'idle') return;
    assert.ok('etlTransactionId' in extracted, JSON.stringify(extracted));
    await upgraded.apply(extracted);
  }
}

describe('a merged view of release 0.2.0', () => {
  const { on, stack } = useInstallation();

  const states: Record<string, () => Promise<unknown>> = {
    'that is applied': async () => on.merge(await on.stage()),
    'that is staged': () => on.stage(),
    'that is being extracted': async () => {
      await on.stage();
      await on.control.query(
        `update etl.etl_transaction set state = 'extracting', staged_at = null where id = 2`,
      );
    },
    'that is being applied': async () => {
      await on.stage();
      await on.control.query(`update etl.etl_transaction set state = 'applying' where id = 2`);
    },
    'that failed': async () => {
      await on.stage();
      await on.control.query(`update etl.etl_transaction set state = 'failed' where id = 2;
        update etl.view_source set halted_at = now(), halted_reason = 'failed' where name = 'pmr_project'`);
    },
    'that was abandoned': async () => {
      await on.stage();
      await on.control.query(
        `update etl.etl_transaction set state = 'abandoned', ended_at = now() where id = 2`,
      );
    },
  };
  for (const [state, reach] of Object.entries(states)) {
    it(`I2 I6 goes on after an upgrade, with a batch ${state}`, async () => {
      await on.source.add(
        'app_project',
        { id: 1, name: 'one' },
        { id: 2, name: 'two' },
        { id: 3, name: 'three' },
      );
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
      await on.source.delete('app_project', 2);
      await reach();
      await downgradeProcedure(on);
      const control = await downgrade(on, stack);
      await on.source.change('app_project', 3, { name: 'tre' });

      const upgraded = await on.anotherProcess({ CONTROL_DATABASE_URL: control });
      await upgraded.dependencies.control.viewStops.resume('pmr_project');
      await catchUp(upgraded, 'pmr_project');

      await upgraded.assertEqual();
      await upgraded.source.change('app_project', 1, { name: 'ein' });
      await upgraded.source.log('app_project', 3, 'changed', { name: {} });
      assert.partialDeepStrictEqual(await upgraded.replicate(), { changed: '1', unchanged: '1' });
      await upgraded.assertEqual();
    });
  }
});

describe('a streamed view of release 0.2.0', () => {
  const VIEW = STREAMED_ENTRY.name;
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });
  const sql = (text: string) => on.source.database.query(text);
  const setState = (state: string) =>
    on.control.query(
      `update etl.etl_transaction set state = $1 where id = (select max(id) from etl.etl_transaction)`,
      [state],
    );
  const upgrade = async () => {
    const control = await downgrade(on, stack);
    const upgraded = await on.anotherProcess({ CONTROL_DATABASE_URL: control });
    // A resume lets everything be made again.
    if ((await upgraded.haltedReason(VIEW)) !== null) {
      await upgraded.dependencies.control.viewStops.resume(VIEW);
    }
    return upgraded;
  };
  /** Some pages of rows: more than PostgreSQL sends at once, which is never cut. */
  const addMany = () =>
    sql(`with added as (
        insert into app_incident (id, type) select i, repeat('x', 4000) from generate_series(10, 59) i returning id)
      insert into models_logging_change (object_id, content_type_id, action) select id, 18, 'added' from added`);
  /** Stages a batch of some pages and streams the first one. */
  const streamHalf = async () => {
    const pausing = await pageByPage(on, 1024);
    const batch = await pausing.stage(VIEW);
    assert.equal((await pausing.stream(batch)).outcome, 'continued');
    const { rows } = await on.control.query(
      'select streamed_rows::int as streamed from etl.etl_transaction where state = $1',
      ['applying'],
    );
    assert.ok(rows[0].streamed > 0 && rows[0].streamed < 50, `${rows[0].streamed} rows`);
  };

  const states: Record<string, () => Promise<unknown>> = {
    'that is applied': async () => on.stream(await on.stage(VIEW)),
    'that is staged': () => on.stage(VIEW),
    'that is being extracted': async () => {
      await on.stage(VIEW);
      await setState('extracting');
    },
    'of which nothing is streamed yet': async () => {
      await on.stage(VIEW);
      await setState('applying');
    },
    'that is half streamed': streamHalf,
    'that contains the whole view and is half streamed': async () => {
      await on.dependencies.control.viewStops.requestResync(VIEW, { isWanted: true, acceptsDeletes: false });
      await streamHalf();
    },
    'that is streamed, but not recorded as applied': async () => {
      const batch = await on.stage(VIEW);
      const process = await on.anotherProcess();
      const { control } = process.dependencies;
      const markApplied = () => Promise.reject(new DataHubError('transient', 'the database is away'));
      const batches = { ...control.batches, markApplied };
      process.dependencies = { ...process.dependencies, control: { ...control, batches } };
      await assert.rejects(process.stream(batch), { kind: 'transient' });
    },
    'that failed': async () => {
      await on.stage(VIEW);
      await setState('failed');
      await on.dependencies.control.viewStops.halt(VIEW, 'failed');
    },
    'that was abandoned': async () => {
      await on.stage(VIEW);
      await setState('abandoned');
    },
  };
  for (const [state, reach] of Object.entries(states)) {
    it(`I2 I6 goes on after an upgrade, with a batch ${state}`, async () => {
      await on.source.add(
        'app_incident',
        { id: 1, type: 'one' },
        { id: 2, type: 'two' },
        { id: 3, type: 'three' },
      );
      await on.replicate(VIEW);
      await on.source.change('app_incident', 3, { type: 'trois' });
      await on.replicate(VIEW);
      await addMany();
      await on.source.change('app_incident', 1, { type: 'uno' });
      await on.source.delete('app_incident', 2);
      await reach();
      const upgraded = await upgrade();
      await upgraded.source.change('app_incident', 3, { type: 'tre' });

      await catchUp(upgraded, VIEW);

      await upgraded.assertIncidentsEqual();
      await upgraded.source.change('app_incident', 1, { type: 'ein' });
      assert.partialDeepStrictEqual(await upgraded.replicate(VIEW), { changed: '1' });
      await upgraded.assertIncidentsEqual();
    });
  }

  it('I2 I6 loads its first batch after an upgrade', async () => {
    await on.source.add('app_incident', { id: 1, type: 'one' }, { id: 2, type: 'two' });
    await on.stage(VIEW);
    const upgraded = await upgrade();

    await catchUp(upgraded, VIEW);

    await upgraded.assertIncidentsEqual();
  });

  it('I2 follows its columns after an upgrade', async () => {
    await on.source.add('app_incident', { id: 1, type: 'one', owner: 'Zoë' });
    await on.replicate(VIEW);
    const upgraded = await upgrade();
    await catchUp(upgraded, VIEW);
    await sql(`drop view xyz_incident; create view xyz_incident as
      select id as incident_id, inventory_id, type as incident_type, upper(type) as label,
        to_char(opened at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as open_datetime, null::text as close_datetime
      from app_incident;
      grant select on xyz_incident to reader`);
    assert.equal((await upgraded.extract(VIEW)).outcome, 'resync requested');

    await catchUp(upgraded, VIEW);

    assert.deepEqual(
      await upgraded.query(
        `select incident_type, label, incident_owner from ${upgraded.targetTable('incident')}`,
      ),
      [{ incident_type: 'one', label: 'ONE', incident_owner: null }],
    );
  });
});

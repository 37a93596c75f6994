import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { DataHubError } from '../../../shared/errors.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { createDependencies } from '../../../shared/runtime/dependencies.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { READER } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';

/** A port on which no server listens. */
const NOWHERE = 'postgresql://reader:hunter2@127.0.0.1:1/smartapp';

describe('bad input causes a clear error, and nothing is lost', () => {
  const { on } = useInstallation();

  beforeEach(() => on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' }));

  describe('databases', () => {
    it('an unreachable source causes a retry', async () => {
      const away = await on.anotherProcess({ SOURCE_DATABASE_URL: NOWHERE });

      await assert.rejects(away.extract(), {
        kind: 'transient',
        message: /^source database: .*ECONNREFUSED/,
      });

      assert.equal(await on.haltedReason(), null);
      await on.replicate();
      await on.assertEqual();
    });

    it('an unreachable control database causes a retry', async () => {
      await assert.rejects(createDependencies({ ...on.parts.env, CONTROL_DATABASE_URL: NOWHERE }), {
        kind: 'transient',
        message: /^control database: .*ECONNREFUSED/,
      });
    });

    it('a wrong password is reported and never printed', async () => {
      const source = new URL(on.parts.env.SOURCE_DATABASE_URL ?? '');
      source.password = 'wrong-secret';
      const locked = await on.anotherProcess({ SOURCE_DATABASE_URL: source.href });

      const error = await locked.extract().catch((thrown: unknown) => thrown);

      assert.ok(error instanceof DataHubError);
      assert.equal(error.kind, 'unauthorized');
      assert.equal(error.message, 'source database: password authentication failed for user "reader"');
      assert.deepEqual(error.context, { view: 'pmr_project', code: '28P01' });
      assert.doesNotMatch(inspect(error, { depth: null }), /wrong-secret/);
      assert.equal(await on.haltedReason(), null);
    });
  });

  it('a wrong password of the control database is reported and never printed', async () => {
    const control = new URL(on.parts.env.CONTROL_DATABASE_URL ?? '');
    control.password = 'wrong-secret';

    const error = await on
      .anotherProcess({ CONTROL_DATABASE_URL: control.href })
      .then((locked) => locked.extract())
      .catch((thrown: unknown) => thrown);

    assert.ok(error instanceof DataHubError);
    assert.equal(error.kind, 'unauthorized');
    assert.match(error.message, /^control database: password authentication failed/);
    assert.doesNotMatch(inspect(error, { depth: null }), /wrong-secret/);
  });

  describe('the source', () => {
    const faults: [what: string, sql: string, repair: string, kind: string, message: RegExp][] = [
      [
        'a view that does not exist',
        'alter view pmr_project rename to elsewhere',
        'alter view elsewhere rename to pmr_project',
        'configuration',
        /view source pmr_project: view pmr_project does not exist in the source$/,
      ],
      [
        'a view that may not be read',
        `revoke select on pmr_project from ${READER.name}`,
        `grant select on pmr_project to ${READER.name}`,
        'configuration',
        /role reader may not read view public.pmr_project$/,
      ],
      [
        'a key column that does not exist',
        'alter view pmr_project rename column project_id to id',
        'alter view pmr_project rename column id to project_id',
        'configuration',
        /key column project_id does not exist in the view/,
      ],
      [
        'a main table that does not exist',
        'alter table app_project rename to elsewhere',
        'alter table elsewhere rename to app_project',
        'configuration',
        /main table app_project does not exist/,
      ],
      [
        'a content type that does not exist',
        `alter table models_logging_change drop constraint models_logging_change_content_type_id_fkey;
         update django_content_type set id = 70 where id = 7`,
        'update django_content_type set id = 7 where id = 70',
        'configuration',
        /content type 7 does not exist in django_content_type/,
      ],
      [
        'a duplicate key',
        `create or replace view pmr_project as
         select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
         from app_project p left join app_company c on c.id = p.company_id
         where not p.is_dummy union all select id, name, null, share, opened, updated_at from app_project where id = 2`,
        `create or replace view pmr_project as
         select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
         from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`,
        'bad_data',
        /view pmr_project: key project_id is NULL or not unique, for example 2/,
      ],
      [
        'a key that is NULL',
        `create or replace view pmr_project as
         select nullif(p.id, 2) as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
         from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`,
        `create or replace view pmr_project as
         select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
         from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`,
        'bad_data',
        /view pmr_project: key project_id is NULL or not unique, for example NULL/,
      ],
      [
        'a value that BigQuery cannot hold',
        `update app_project set share = 'NaN' where id = 2`,
        `update app_project set share = 5 where id = 2`,
        'bad_data',
        /view pmr_project: key 2, column share: the value is not a finite number/,
      ],
      [
        'a log sequence that caches ids',
        'alter sequence models_logging_change_id_seq cache 20',
        'alter sequence models_logging_change_id_seq cache 1',
        'source_refused',
        /sequence models_logging_change_id_seq has CACHE 20/,
      ],
    ];
    for (const [what, sql, repair, kind, message] of faults) {
      it(`${what} halts the view until it is repaired and resumed`, async () => {
        await on.source.database.query(sql);

        await assert.rejects(on.extract(), { kind, message });

        assert.match(String(await on.haltedReason()), message);
        assert.partialDeepStrictEqual(await on.extract(), { outcome: 'skipped' });
        assert.partialDeepStrictEqual((await on.errors())[0], {
          kind,
          view_name: 'pmr_project',
          function_name: 'extract',
        });
        await on.source.database.query(repair);
        await on.dependencies.control.viewStops.resume('pmr_project');
        await on.replicate();
        await on.assertEqual();
      });
    }

    it('a key that becomes a duplicate later halts the view, and changes made meanwhile are captured', async () => {
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
      const definition = (
        await on.source.database.query(`select pg_get_viewdef('pmr_project') as sql`)
      ).rows[0].sql.replace(/;$/, '');
      await on.source.database.query(
        `create or replace view pmr_project as ${definition} union all ${definition}`,
      );
      assert.equal((await on.extract()).outcome, 'resync requested');

      await assert.rejects(on.extract(), {
        kind: 'bad_data',
        message: /key project_id is NULL or not unique, for example/,
      });
      await on.source.add('app_project', { id: 3, name: 'three' });
      await on.source.database.query(`create or replace view pmr_project as ${definition}`);
      await on.dependencies.control.viewStops.resume('pmr_project');

      assert.partialDeepStrictEqual(await on.replicate(), { added: '1', changed: '1' });
      await on.assertEqual();
    });
  });

  describe('the warehouse', () => {
    it('a target with an additional column halts the view, and the reason names it', async () => {
      const message = /table smart-project-\d+\.SMartDataAnalytics\.project: column extra is not in the view/;
      await on.replicate();
      await on.query(`alter table ${on.targetTable()} add column extra string`);
      await on.source.change('app_project', 1, { name: 'uno' });

      await assert.rejects(on.extract(), { kind: 'schema_drift', message });

      assert.match(String(await on.haltedReason()), message);
      await on.query(`alter table ${on.targetTable()} drop column extra`);
      await on.dependencies.control.viewStops.resume('pmr_project');
      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      await on.assertEqual();
    });

    it('a temp table that has lost a column gets it again', async () => {
      await on.replicate();
      await on.query(`alter table ${on.tempTable()} drop column share`);
      await on.source.change('app_project', 1, { share: '0.5' });

      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      await on.assertEqual();
    });

    it('a target that is gone with its loaded rows is not silently created again', async () => {
      await on.replicate();
      await on.query(`drop table ${on.targetTable()}`);
      await on.source.change('app_project', 1, { name: 'uno' });

      await assert.rejects(on.extract(), {
        kind: 'configuration',
        message: /the target of view pmr_project is gone, and with it the loaded rows/,
        advice: /time travel/,
      });
    });

    it('a missing dataset halts the view, and the reason names it', async () => {
      const elsewhere = await on.anotherProcess({ TARGET_DATASET: 'Nowhere' });

      await assert.rejects(elsewhere.extract(), { message: /Nowhere/ });

      assert.match(String(await on.haltedReason()), /Nowhere/);
      await on.dependencies.control.viewStops.resume('pmr_project');
      await on.replicate();
      await on.assertEqual();
    });
  });

  describe('an import', () => {
    it('names every content type that does not exist or has another id, and changes nothing', async () => {
      const entries = [
        { ...PROJECT_ENTRY, recheck_seconds: 99, model: 'projekt' },
        {
          ...PROJECT_ENTRY,
          name: 'pmr_other',
          target_name: 'other',
          content_type_id: 12,
          lookups: [{ table: 'app_company', app_label: 'crm', model: 'company', column: 'company_id' }],
        },
      ];

      await assert.rejects(importConfiguration({ entries }, on.dependencies), {
        kind: 'configuration',
        message:
          'pmr_project: content type app.projekt does not exist; ' +
          'pmr_other: content type app.project is 7 in this source, not 12; ' +
          'pmr_other, lookup app_company: content type crm.company does not exist',
      });

      const sources = await on.dependencies.control.viewSources.list();
      assert.deepEqual(
        sources.map(({ name, recheckSeconds }) => [name, recheckSeconds]),
        [
          ['pmr_project', 0],
          ['pmr_site', 0],
        ],
      );
    });

    it('is safe to repeat, and accepts a matching content type id', async () => {
      const entry = { ...PROJECT_ENTRY, content_type_id: 7 };

      for (let times = 0; times < 2; times += 1) {
        assert.deepEqual(await importConfiguration({ entries: [entry] }, on.dependencies), {
          outcome: 'imported',
          views: ['pmr_project'],
          resyncs: [],
          effects: [],
          warnings: [],
        });
      }

      assert.equal((await on.dependencies.control.viewSources.get('pmr_project')).contentTypeId, 7);
    });

    it('I11 cannot change the load type of a view that was loaded', async () => {
      await on.replicate();

      await assert.rejects(
        importConfiguration(
          { entries: [{ ...PROJECT_ENTRY, load_type: 'bq-storage-api' }] },
          on.dependencies,
        ),
        {
          kind: 'configuration',
          message: /pmr_project has batches with load_type merge/,
        },
      );
    });
  });
});

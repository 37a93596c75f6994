import assert from 'node:assert/strict';
import { tick } from '../../../functions/extract/tick.ts';
import { dryRun } from '../../../shared/operations/dry-run.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { queueKeys } from '../../../shared/operations/queue-keys.ts';
import type { Finding } from '../../../shared/source/inspect-server.ts';
import { ENTRIES, type Installation, SITE_ENTRY } from '../../support/installation.ts';
import { READER } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';

const SEQUENCE = 'models_logging_change_id_seq';

describe('checks, dry runs, ticks and keys', () => {
  const { on } = useInstallation();

  beforeEach(() =>
    on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' }, { id: 3, name: 'three' }),
  );

  describe('check', () => {
    it('reports a new installation as ready, with what it found', async () => {
      const { ok, outcome, findings } = await preflight({ view: undefined }, on.dependencies);

      assert.deepEqual([ok, outcome], [true, 'ready'], JSON.stringify(findings));
      const messages = findings.map(({ check: name, message }) => `${name}: ${message}`);
      for (const expected of [
        /^control database: reached; view sources to check: 2/,
        /^source database: PostgreSQL [\d.]+.* as reader/,
        /^change log: models_logging_change can be captured exactly/,
        /^staging bucket: in EU/,
        /^dataset SMartDataAnalytics: in EU/,
        /^topics: all exist/,
        /^view pmr_project: 5 columns, key project_id is unique and never NULL; tables to be created: ledger, temp, target/,
        /^view pmr_site: /,
      ]) {
        assert.ok(
          messages.some((message) => expected.test(message)),
          `${expected} is not in ${messages.join('\n')}`,
        );
      }
    });

    it('reports matching tables for a loaded view, and checks only a named view', async () => {
      await on.replicate();

      const { findings } = await preflight({ view: 'pmr_project' }, on.dependencies);

      assert.deepEqual(
        findings.filter(({ check: name }) => name.startsWith('view ')).map(({ message }) => message),
        ['5 columns, key project_id is unique and never NULL; its tables match'],
      );
    });

    /** Runs the check and returns the findings that are not ok. */
    const faulty = async (installation: Installation): Promise<Finding[]> => {
      const { ok, outcome, findings } = await preflight({ view: undefined }, installation.dependencies);
      const failed = findings.filter((finding) => !finding.ok);
      assert.equal(ok, false);
      assert.equal(outcome, `${failed.length} ${failed.length === 1 ? 'problem' : 'problems'} found`);
      for (const { advice } of failed) assert.ok(advice !== undefined && advice.length > 10);
      return failed;
    };
    const one = (findings: Finding[], name: string): Finding => {
      const found = findings.find((finding) => finding.check === name);
      return found ?? assert.fail(`no finding about ${name}: ${JSON.stringify(findings)}`);
    };

    it('finds a bucket and datasets in another location', async () => {
      const findings = await faulty(await on.anotherProcess({ BIGQUERY_LOCATION: 'US' }));

      for (const name of ['staging bucket', 'dataset SMartData_Temp', 'dataset View_SMartData']) {
        assert.match(one(findings, name).message, /is in EU, but BIGQUERY_LOCATION is US/);
      }
    });

    it('finds settings under which alerts see nothing or tables get in the way of others', async () => {
      const environmentOf = async (settings: Record<string, string>) => {
        const { findings } = await preflight(
          { view: undefined },
          (await on.anotherProcess(settings)).dependencies,
        );
        return findings
          .filter(({ check: name }) => name === 'environment')
          .map(({ ok, message }) => [ok, message.split(/[ :]/)[0]]);
      };

      assert.deepEqual(await environmentOf({ LOG_LEVEL: 'info' }), []);
      assert.deepEqual(await environmentOf({ LOG_LEVEL: 'error' }), [[true, 'LOG_LEVEL']]);
      assert.deepEqual(await environmentOf({ LOG_LEVEL: 'debug', VIEW_DATASET: 'SMartDataAnalytics' }), [
        [false, 'TEMP_DATASET,'],
      ]);
    });

    it('finds a log that no capture could continue, before the next capture meets it', async () => {
      await on.replicate();
      await on.source.database.query(`select setval('models_logging_change_id_seq', 1)`);
      const back = await preflight({ view: 'pmr_project' }, on.dependencies);
      assert.match(
        one(
          back.findings.filter(({ ok }) => !ok),
          'source database',
        ).message,
        /stands at 1, below id 3/,
      );
      await on.source.database.query('truncate models_logging_change restart identity');

      const { ok, findings } = await preflight({ view: 'pmr_project' }, on.dependencies);

      assert.equal(ok, false);
      assert.match(
        one(
          findings.filter((finding) => !finding.ok),
          'view pmr_project',
        ).message,
        /but id 3 was already captured/,
      );
    });

    it('names the variable that names another table', async () => {
      for (const [settings, check] of [
        [{ CHANGE_LOG_TABLE: 'public.models_logging_change' }, 'change log'],
        [{ CHANGE_LOG_TABLE: 'nothing' }, 'change log'],
        [{ CONTENT_TYPE_TABLE: 'nothing' }, 'content types'],
        [{ CONTENT_TYPE_TABLE: 'app_company' }, 'view pmr_project'],
        [{ CONTENT_TYPE_TABLE: 'public.django_content_type' }, 'view pmr_project'],
      ] as const) {
        const { advice } = one(await faulty(await on.anotherProcess(settings)), check);
        assert.match(advice ?? '', new RegExp(Object.keys(settings).join()), JSON.stringify(settings));
      }
    });

    it('finds bucket, datasets and topics that do not exist', async () => {
      const findings = await faulty(
        await on.anotherProcess({
          STAGING_BUCKET: 'no-such-bucket',
          VIEW_DATASET: 'Nowhere',
          TOPIC_STREAM: 'cdc-nowhere',
        }),
      );

      assert.equal(findings.length, 3);
      assert.match(one(findings, 'staging bucket').message, /staging bucket no-such-bucket/);
      assert.deepEqual(one(findings, 'dataset Nowhere'), {
        check: 'dataset Nowhere',
        ok: false,
        message: 'does not exist',
        advice: `If its variable is right, create it: terraform apply does, or run: create schema \`${on.parts.env.GOOGLE_CLOUD_PROJECT}.Nowhere\` options (location = 'EU');`,
      });
      assert.equal(one(findings, 'topics').message, 'missing: cdc-nowhere');
    });

    it('finds an unreachable source, and checks the rest', async () => {
      const findings = await faulty(
        await on.anotherProcess({
          SOURCE_DATABASE_URL: 'postgresql://reader:x@127.0.0.1:1/x',
          TOPIC_STREAM: 'cdc-nowhere',
        }),
      );

      const refused = one(findings, 'source database');
      assert.match(refused.message, /ECONNREFUSED/);
      assert.match(refused.advice ?? '', /^Nothing was changed\. Call again\. If it lasts: start the server/);
      assert.equal(one(findings, 'topics').message, 'missing: cdc-nowhere');
    });

    it('I12 finds a role that may write', async () => {
      const superuser = await on.anotherProcess({
        SOURCE_DATABASE_URL: on.parts.sourceUrl,
      });
      assert.match(
        one(await faulty(superuser), 'source rights').message,
        /role postgres may write to the source/,
      );

      await on.source.database.query(`grant insert on models_logging_change to ${READER.name}`);
      assert.match(one(await faulty(on), 'source rights').message, /role reader may write/);
    });

    it('finds a log sequence that the role may not read, or that caches ids', async () => {
      await on.source.database.query(`revoke select on sequence ${SEQUENCE} from ${READER.name}`);
      assert.equal(
        one(await faulty(on), 'log sequence').advice,
        `Run: grant select on sequence public.${SEQUENCE} to reader;`,
      );
      await on.source.database.query(`grant select on sequence ${SEQUENCE} to ${READER.name}`);

      await on.source.database.query(`alter sequence ${SEQUENCE} cache 20`);
      assert.match(one(await faulty(on), 'source database').advice ?? '', /alter sequence .* cache 1/);
    });

    it('finds a misconfigured view, and one whose key is not unique', async () => {
      // As an import of an earlier release may have left it.
      await on.control.query(
        `update etl.view_source set tracked_columns = '{nothing}' where name = 'pmr_site'`,
      );
      await on.source.database.query(
        `create or replace view pmr_project as
         select 1::bigint as project_id, p.name, null::text as company, p.share, p.opened, p.updated_at from app_project p`,
      );

      const findings = await faulty(on);

      assert.match(
        one(findings, 'tracked columns of pmr_site').message,
        /tracked column nothing does not exist in app_site/,
      );
      assert.match(
        one(findings, 'view pmr_project').message,
        /key project_id is NULL or not unique, for example 1/,
      );
    });

    it('accepts a Django field among the tracked columns, if its name or the log tells that it is one', async () => {
      const tracking = { ...SITE_ENTRY, tracked_columns: ['project', 'site_name'] };
      await importConfiguration({ entries: [tracking] }, on.dependencies);
      await on.source.add('app_site', { id: 1, name: 'one' });
      await on.source.log('app_site', 1, 'changed', { site_name: { old: null, new: 'one' } });

      assert.equal((await preflight({ view: undefined }, on.dependencies)).outcome, 'ready');
    });

    it('shows how many rows the busiest lookup names in a day', async () => {
      await on.source.add('app_company', { id: 1, name: 'many' }, { id: 2, name: 'few' });
      await on.source.database.query(
        'update app_project set company_id = case when id < 3 then 1 else 2 end',
      );
      await on.source.change('app_company', 1, { name: 'renamed' });
      // Too long ago to count, and no company.
      await on.source.log('app_company', 1, 'changed');
      await on.source.database.query(
        `update models_logging_change set date_created = now() - interval '8 days' where id = (select max(id) from models_logging_change)`,
      );
      await on.source.log('app_company', 'x', 'changed');

      const { findings } = await preflight({ view: 'pmr_project' }, on.dependencies);

      // Two log rows of the first company name two projects each, the added second one names one.
      assert.deepEqual(one(findings, 'lookups of pmr_project'), {
        check: 'lookups of pmr_project',
        ok: true,
        message: 'the busiest, app_company by company_id, names about 5 rows a day',
      });
    });

    it('finds tables whose columns differ', async () => {
      await on.replicate();
      await on.query(`alter table ${on.targetTable()} add column extra string`);

      const { message, advice } = one(await faulty(on), 'view pmr_project');
      assert.match(message, /column extra is not in the view/);
      assert.match(advice ?? '', /resume/);
    });

    it('finds a missing configuration', async () => {
      await on.control.query('delete from etl.view_source');

      assert.match(one(await faulty(on), 'control database').advice ?? '', /Import a configuration/);
    });
  });

  describe('a dry run', () => {
    const forecast = async () => (await dryRun({ view: 'pmr_project' }, on.dependencies)).views[0];

    it('forecasts the next step of a tick, and changes nothing', async () => {
      assert.deepEqual(await forecast(), { view: 'pmr_project', would: 'load the whole view' });
      const batch = await on.stage();
      assert.deepEqual(await forecast(), { view: 'pmr_project', would: 'announce batch 1 again (staged)' });
      await on.merge(batch);
      assert.partialDeepStrictEqual(await forecast(), { would: 'find nothing to do', logRows: '0' });

      await on.source.change('app_project', 1, { name: 'uno' });
      await on.source.delete('app_project', 2);
      await on.source.log('app_project', 'no key', 'changed');
      await on.mailboxes.merge.take();
      const before = await memory();
      assert.deepEqual(await forecast(), {
        view: 'pmr_project',
        would: 'extract a batch',
        logRows: '3',
        upserts: '1',
        deletes: '1',
        badKeys: '1',
        queuedKeys: '0',
      });
      assert.deepEqual(await memory(), before);
    });

    it('forecasts what becomes of a view that was replaced', async () => {
      await on.replicate();
      await on.source.database.query(`create or replace view pmr_project as
        select p.id as project_id, lower(p.name) as name, c.name as company, p.share, p.opened, p.updated_at
        from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`);

      const would = 'the view was replaced';
      assert.partialDeepStrictEqual(await forecast(), { would: `load the whole view again: ${would}` });
      await on.control.query(`update etl.view_source set view_changes = 'halt'`);
      assert.partialDeepStrictEqual(await forecast(), { would: `halt: ${would}` });
    });

    it('gives the reason for every view that would not be extracted', async () => {
      await on.control.query(`update etl.view_source set paused = true where name = 'pmr_project'`);
      await on.control.query(
        `update etl.view_source set halted_at = now(), halted_reason = 'key 7 is a duplicate' where name = 'pmr_site'`,
      );

      assert.deepEqual((await dryRun({ view: undefined }, on.dependencies)).views, [
        { view: 'pmr_project', would: 'do nothing: paused' },
        { view: 'pmr_site', would: 'do nothing: halted: key 7 is a duplicate' },
      ]);
    });

    async function memory(): Promise<unknown> {
      const { rows } = await on.control.query(
        `select (select json_agg(v order by name) from etl.view_source v) as views,
           (select json_agg(t) from etl.etl_transaction t) as batches, (select json_agg(c) from etl.checkpoint c) as checkpoints,
           (select count(*) from etl.lease) as leases, (select count(*) from etl.queued_key) as keys`,
      );
      const [files] = await on.bucket.getFiles();
      return [rows, files.map(({ name }) => name), await on.mailboxes.merge.take(), await on.target()];
    }
  });

  describe('a tick', () => {
    it('requests the extraction of every running view', async () => {
      assert.deepEqual(await tick('scheduler', on.dependencies), {
        outcome: 'fanned out',
        views: ['pmr_project', 'pmr_site'],
      });

      assert.deepEqual(await on.mailboxes.extract.take(), [
        { view: 'pmr_project', trigger: 'scheduler' },
        { view: 'pmr_site', trigger: 'scheduler' },
      ]);
    });

    it('that succeeds resolves permissions that an earlier tick lacked', async () => {
      await on.control.query(
        `insert into etl.etl_error (function_name, view_name, kind, message, advice)
         values ('extract', null, 'unauthorized', 'of a tick', ''), ('extract', 'pmr_project', 'unauthorized', 'of a view', ''),
                ('merge', null, 'unauthorized', 'of merge', ''), ('extract', null, 'bug', 'of a bug', '')`,
      );

      await tick('scheduler', on.dependencies);

      const open = (await on.errors()).filter((error) => error.resolved_at === null);
      assert.deepEqual(
        open.map(({ message }) => message),
        ['of a view', 'of merge', 'of a bug'],
      );
    });

    it('deletes what is older than KEEP_DAYS', async () => {
      await on.control.query(
        `insert into etl.etl_error (function_name, kind, message, advice, resolved_at)
         select 'x', 'bug', days || ' days old', '', now() - days * interval '1 day' from unnest(array[9, 11]) days`,
      );
      const { dependencies } = await on.anotherProcess({ KEEP_DAYS: '10' });

      await tick('scheduler', dependencies);

      assert.deepEqual(
        (await on.errors()).map(({ message }) => message),
        ['9 days old'],
      );
    });

    it('skips disabled and paused views, as does an event for such a view', async () => {
      await on.control.query(`update etl.view_source set paused = true where name = 'pmr_project'`);
      await on.control.query(`update etl.view_source set enabled = false where name = 'pmr_site'`);

      assert.deepEqual((await tick('scheduler', on.dependencies)).views, []);
      assert.deepEqual(await on.extract(), { outcome: 'skipped', view: 'pmr_project', reason: 'paused' });
      assert.deepEqual(await on.extract('pmr_site'), {
        outcome: 'skipped',
        view: 'pmr_site',
        reason: 'not enabled',
      });
      assert.deepEqual(await on.mailboxes.extract.take(), []);
    });
  });

  describe('keys', () => {
    const queue = (keys: string[]) =>
      queueKeys({ command: 'keys', view: 'pmr_project', keys }, on.dependencies);

    it('are fetched now, whatever the log says', async () => {
      await on.replicate();
      await on.source.database.query(`update app_project set name = 'unlogged' where id in (1, 2)`);
      await on.source.database.query('delete from app_project where id = 3');

      const queued = await queue(['1', '3', '77']);
      assert.deepEqual(queued, { outcome: 'keys queued', view: 'pmr_project', keysQueued: 3 });
      assert.deepEqual(await on.mailboxes.extract.take(), [{ view: 'pmr_project', trigger: 'keys' }]);
      const batch = await on.stage();

      assert.partialDeepStrictEqual(batch, { outcome: 'staged', kind: 'backfill', upserts: 1, deletes: 2 });
      assert.partialDeepStrictEqual(await on.merge(batch), { added: '0', changed: '1', deleted: '1' });
      assert.deepEqual(
        (await on.visible()).map(({ name }) => name),
        ['unlogged', 'two'],
      );
      assert.deepEqual((await on.control.query('select * from etl.queued_key')).rows, []);
    });

    it('I2 stay queued while a batch is in flight, and when their own batch fails', async () => {
      const initial = await on.stage();
      await on.source.database.query(`update app_project set name = 'unlogged' where id = 1`);

      await queue(['1']);
      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'republished' });
      await on.merge(initial);
      const batch = await on.stage();
      await on.dependencies.control.viewStops.resume('pmr_project');
      await on.query(`truncate table ${on.tempTable()}`);
      await on.bucket.deleteFiles({ prefix: `pmr_project/${batch.etlTransactionId}/` });
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'recaptured' });

      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      await on.assertEqual();
    });

    it('are refused when one is not a valid key of the view, and none is queued', async () => {
      await on.replicate();

      await assert.rejects(queue(['1', 'x"y', '99999999999999999999']), {
        kind: 'invalid_event',
        message:
          'view pmr_project: these keys are not values of the key\'s type: "x\\"y", "99999999999999999999"',
      });
      assert.deepEqual((await on.control.query('select * from etl.queued_key')).rows, []);
    });
  });

  it('a view with recheck_seconds fetches the keys of a batch once more, later', async () => {
    await importConfiguration(
      { entries: ENTRIES.map((entry) => ({ ...entry, recheck_seconds: 3600 })) },
      on.dependencies,
    );
    await on.replicate();
    await on.source.log('app_project', 1, 'changed', { name: {} });
    await on.replicate();
    // The data are committed after their log row, which is the case that recheck_seconds covers.
    await on.source.database.query(`update app_project set name = 'late' where id = 1`);
    assert.equal((await on.extract()).outcome, 'idle');

    await on.control.query(`update etl.queued_key set due_at = due_at - interval '1 hour'`);
    const batch = await on.stage();

    assert.equal(batch.kind, 'repair');
    await on.merge(batch);
    await on.assertEqual();
    await on.control.query(`update etl.queued_key set due_at = due_at - interval '1 hour'`);
    assert.equal((await on.extract()).outcome, 'idle');
  });
});

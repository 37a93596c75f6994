import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import type { DataHubError } from '../../../shared/errors.ts';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';

describe('a view whose table or model was renamed', () => {
  const { on } = useInstallation();
  let entry: ViewSourceEntry;
  const sql = (text: string) => on.source.database.query(text);
  const ask = async (payload: object): Promise<Record<string, unknown>> => ({
    ...(await dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies)),
  });
  const importing = (differing: Partial<ViewSourceEntry>) =>
    importConfiguration({ entries: [{ ...PROJECT_ENTRY, ...differing }] }, on.dependencies);
  const log = (id: number, type: number, action = 'changed') =>
    sql(
      `insert into models_logging_change (object_id, content_type_id, action) values ('${id}', ${type}, '${action}')`,
    );

  beforeEach(async () => {
    entry = PROJECT_ENTRY;
    await sql(`insert into app_company values (1, 'one')`);
    await on.source.add(
      'app_project',
      { id: 1, name: 'one', company_id: 1 },
      { id: 2, name: 'two', company_id: 1 },
    );
    await on.replicate();
  });

  /** Halts the view, and returns the advice. */
  async function halted(message: RegExp): Promise<string> {
    let advice = '';
    await assert.rejects(on.extract(), (error: DataHubError) => {
      assert.equal(error.kind, 'configuration', error.message);
      assert.match(error.message, message);
      ({ advice } = error);
      return true;
    });
    const { findings } = await preflight({ view: VIEW }, on.dependencies);
    assert.equal(findings.find(({ check }) => check === `view ${VIEW}`)?.advice, advice);
    await on.dependencies.control.viewStops.halt(VIEW, 'as the function does');
    return advice;
  }

  /** Does what an advice says, to the letter. */
  async function follow(advice: string): Promise<void> {
    const [, statements] = /Run in the source, as its owner: (.*?;) Import/.exec(advice) ?? [];
    if (statements !== undefined) await sql(statements);
    const form =
      /Import the view source again (?:as it is|with (.*?))\. If the view is halted, then send (\{.*?\})\.$/;
    const [, changes, resume] = form.exec(advice) ?? assert.fail(advice);
    for (const change of changes?.split(' and ') ?? []) {
      const [, fields = '', column] =
        /^(\{.*\})(?: in its lookup by (\w+))?$/.exec(change) ?? assert.fail(change);
      if (column === undefined) entry = { ...entry, ...JSON.parse(fields) };
      else {
        const corrected = (each: ViewSourceEntry['lookups'][number]) =>
          each.column === column ? { ...each, ...JSON.parse(fields) } : each;
        entry = { ...entry, lookups: entry.lookups.map(corrected) };
      }
    }
    await ask({ import: [entry] });
    await ask(JSON.parse(resume ?? ''));
  }

  async function isEqualAndIdle(): Promise<void> {
    const applied = await on.replicate().catch((error: Error) => error);
    // PostgreSQL writes the definition of the view in another way, so that the whole view is loaded again.
    if (applied instanceof Error) await on.replicate();
    await on.assertEqual();
    assert.equal((await on.extract()).outcome, 'idle');
    assert.equal((await preflight({ view: VIEW }, on.dependencies)).ok, true);
  }

  it('by RenameModel is followed by the import that the advice writes, and loses no log row', async () => {
    await on.source.change('app_project', 1, { name: 'before' });
    await sql(
      `alter table app_project rename to app_plan; update django_content_type set model = 'plan' where id = 7`,
    );
    await sql(`update app_plan set name = 'after' where id = 2`);
    await log(2, 7);

    const advice = await halted(/main table app_project does not exist in the source/);
    assert.match(advice, /\{"main_table":"app_plan","app_label":"app","model":"plan"\}/);
    await follow(advice);
    await isEqualAndIdle();

    await sql(`update app_plan set name = 'later' where id = 1`);
    await log(1, 7);
    await on.replicate();
    await on.assertEqual();
  });

  it('by ALTER TABLE alone keeps its model', async () => {
    await sql('alter table app_project rename to projects');
    const advice = await halted(/main table app_project does not exist/);
    assert.match(advice, /with \{"main_table":"projects"\}\./);
    await follow(advice);
    await isEqualAndIdle();
  });

  it('by the name of the model alone, with db_table as before', async () => {
    await sql(`update django_content_type set model = 'plan' where id = 7`);
    const advice = await halted(/content type 7 is now app\.plan, but was app\.project/);
    assert.match(advice, /with \{"app_label":"app","model":"plan"\}\./);
    await follow(advice);
    await on.source.change('app_project', 1, { name: 'uno' });
    await isEqualAndIdle();
  });

  it('into another app follows log rows of the new content type and of the old one, whenever they come', async () => {
    await on.source.change('app_project', 1, { name: 'not captured yet' });
    await sql(`
      alter table app_project rename to core_project;
      insert into django_content_type (id, app_label, model) values (30, 'core', 'project')`);
    const advice = await halted(/main table app_project does not exist/);
    assert.match(advice, /\{"main_table":"core_project","app_label":"core","model":"project"\}/);
    await follow(advice);
    await isEqualAndIdle();

    // A process of the application that was started before.
    await sql(
      `update core_project set name = 'by an old process' where id = 1; update core_project set name = 'by a new one' where id = 2`,
    );
    await log(1, 7);
    await log(2, 30);
    assert.partialDeepStrictEqual(await on.replicate(), { changed: '2' });
    await on.assertEqual();

    await ask({ import: [entry] });
    await sql(`update core_project set name = 'again' where id = 1`);
    await log(1, 7);
    await on.replicate();
    await on.assertEqual();
    const { rows } = await on.control.query(
      `select kind, action, jsonb_path_query_array(details, '$.changes[*].field') as fields from etl.schema_change where kind = 'configuration'`,
    );
    assert.deepEqual(rows, [
      {
        kind: 'configuration',
        action: 'resync',
        fields: ['main_table', 'app_label', 'content_type_id'],
      },
    ]);
  });

  it('into another app, while its table kept its name, is loaded again after the import: captures passed its log rows by', async () => {
    await sql(`insert into django_content_type (id, app_label, model) values (30, 'core', 'project')`);
    await sql(`update app_project set name = 'missed' where id = 1`);
    await log(1, 30);
    assert.equal((await on.extract()).outcome, 'idle');

    const findings = async () => (await preflight({ view: VIEW }, on.dependencies)).findings;
    const [found] = (await findings()).filter(({ ok }) => !ok);
    assert.match(
      found?.message ?? '',
      /names rows of main table app_project under content type core\.project, which view/,
    );
    const [, fields = ''] = /^Import the view source again with (\{.*?\})\./.exec(found?.advice ?? '') ?? [];
    await importing(JSON.parse(fields));
    assert.ok((await findings()).every(({ ok }) => ok));

    assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
    await on.assertEqual();
    assert.equal((await on.extract()).outcome, 'idle');
  });

  it('is not suspected because of another model of the same name, while its own is logged', async () => {
    await sql(`insert into django_content_type (id, app_label, model) values (30, 'core', 'project')`);
    await log(1, 30);
    await on.source.change('app_project', 1, { name: 'uno' });
    assert.equal((await preflight({ view: VIEW }, on.dependencies)).ok, true);
  });

  it('of a lookup, with its model', async () => {
    await sql(
      `alter table app_company rename to app_firm; update django_content_type set model = 'firm' where id = 8`,
    );
    const advice = await halted(/lookup table app_company does not exist/);
    assert.match(
      advice,
      /with \{"table":"app_firm","app_label":"app","model":"firm"\} in its lookup by company_id\./,
    );
    await follow(advice);
    await isEqualAndIdle();

    await sql(`update app_firm set name = 'uno'`);
    await log(1, 8);
    await on.replicate();
    await on.assertEqual();
  });

  it('together with its lookup, and moved into another schema that the role may not use', async () => {
    await sql(`
      create schema core; alter table app_project set schema core; alter table core.app_project rename to plan;
      alter table app_company rename to firms`);
    const advice = await halted(/main table app_project does not exist/);
    assert.match(advice, /^Run in the source, as its owner: grant usage on schema core to reader; Import/);
    await follow(advice);
    await isEqualAndIdle();
    assert.equal(entry.main_table, 'core.plan');
    assert.equal(entry.lookups[0]?.table, 'firms');
  });

  it('into another schema under its name comes with the GRANT', async () => {
    await sql('create schema core; alter table app_project set schema core');
    const advice = await halted(
      /role reader may not use schema core|main table app_project is in schema core/,
    );
    assert.match(advice, /grant usage on schema core to reader; Import .*"core\.app_project"/);
    await follow(advice);
    await isEqualAndIdle();
  });

  it('whose content types got other ids is imported as it is, and log rows of both ids are followed', async () => {
    await on.source.change('app_project', 1, { name: 'not captured yet' });
    await sql(`
      alter table models_logging_change drop constraint models_logging_change_content_type_id_fkey;
      update django_content_type set id = id + 100 where id in (7, 8)`);
    const advice = await halted(/content type 7 does not exist/);
    assert.match(advice, /^Import the view source again as it is\./);
    await follow(advice);
    await isEqualAndIdle();
    await sql(`update app_project set name = 'late' where id = 1; update app_company set name = 'late'`);
    await log(1, 7);
    await log(1, 8);
    await on.replicate();
    await on.assertEqual();
  });

  it('by a view that reads a copy with the same keys is followed', async () => {
    await sql(`
      create table app_plan (like app_project including all); insert into app_plan select * from app_project;
      insert into django_content_type (id, app_label, model) values (30, 'app', 'plan');
      create or replace view pmr_project as select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
      from app_plan p left join app_company c on c.id = p.company_id where not p.is_dummy;
      alter table app_plan add foreign key (company_id) references app_company; grant select on app_plan to reader`);
    await importing({ main_table: 'app_plan', model: 'plan' });
    await sql(`update app_plan set name = 'uno' where id = 1`);
    await log(1, 30);
    await on.replicate();
    await on.assertEqual();
  });

  it('I11 but not to a table that does not hold its rows, and nothing is stored', async () => {
    await sql('insert into app_site (id, name) values (1, $$one$$)');
    const stored = () => on.dependencies.control.viewSources.get(VIEW);
    const before = await stored();
    for (const [differing, message] of [
      [
        { main_table: 'app_site', model: 'site', lookups: [] },
        /main table app_site cannot take the place of app_project: 1 rows of the view have keys that are not in it/,
      ],
      [{ main_table: 'app_plan', enabled: false }, /main table app_plan does not exist in the source/],
      [{ key_column: 'name' }, /an import cannot change it to name/],
    ] as const) {
      await assert.rejects(importing(differing as Partial<ViewSourceEntry>), {
        kind: 'configuration',
        message,
      });
    }

    await sql(`
      alter table app_project rename to kept;
      create table app_plan (like kept including all); insert into app_plan (id, name) select n, 'x' from generate_series(1001, 1009) n;
      create or replace view pmr_project as select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
      from app_plan p left join app_company c on c.id = p.company_id where not p.is_dummy;
      grant select on app_plan to reader`);
    await assert.rejects(importing({ main_table: 'app_plan' }), {
      message:
        /main table app_plan cannot take the place of app_project: only 0 of the newest 2 objects that the log names for app\.project exist in it/,
      advice: /^Nothing was stored\. Name the table that has the rows of the former one/,
    });
    assert.deepEqual(await stored(), before);
  });
});

import assert from 'node:assert/strict';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { AdminClient, type AdminPage, formOf, linkOf, shownIn } from '../../support/admin.ts';
import { SITE_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const NEW = '/sources/new';
const SITE = '/views/pmr_site/source';
/** They show one of their choices only. */
const CHOICES = ['load_type', 'partition_granularity', 'view_changes', 'column_changes'];
const NO_MODELS = { content_type_id: 9, child_models: [], lookups: [] };
const SCRIPT = '"><script>alert(1)</script>';

describe('the form of a view source on the admin page', () => {
  const { on } = useInstallation();
  let operator: AdminClient;
  beforeEach(() => {
    operator = new AdminClient(() => on.dependencies);
  });

  const stored = async (view: string): Promise<ViewSourceEntry | undefined> =>
    (await on.dependencies.control.viewSources.entries()).find(({ entry }) => entry.name === view)?.entry;
  const audit = async () => (await on.control.query('select * from etl.audit order by id')).rows;
  /** Sends what the form has, as a browser does, with other values in some fields. */
  const send = async (
    page: AdminPage,
    path: string,
    step: 'check' | 'save',
    fields: Record<string, string> = {},
    client = operator,
  ): Promise<AdminPage> =>
    await client.post(path, { ...formOf(page, path), ...shownIn(page), step, ...fields });

  it('proposes main table, key, model and lookups of a view, checks and saves it', async () => {
    await on.control.query(`delete from etl.view_source where name = 'pmr_project'`);
    const choice = await operator.get(NEW);
    assert.equal(linkOf(choice, 'xyz_incident'), `${NEW}?view=xyz_incident`);
    assert.doesNotMatch(choice.html, /view=pmr_site/, 'which is replicated');
    const page = await operator.get(linkOf(choice, 'pmr_project'));
    const { name, target_name, main_table, app_label, model, key_column, lookups, load_type } = shownIn(page);
    assert.deepEqual(
      { name, target_name, main_table, app_label, model, key_column, load_type },
      {
        name: 'pmr_project',
        target_name: 'pmr_project',
        main_table: 'app_project',
        app_label: 'app',
        model: 'project',
        key_column: 'project_id',
        load_type: 'merge',
      },
    );
    assert.deepEqual(JSON.parse(lookups ?? ''), [
      { table: 'app_company', app_label: 'app', model: 'company', column: 'company_id' },
    ]);
    assert.match(page.html, /<datalist id="columns">.*<option value="project_id">/);

    const checked = await send(page, NEW, 'check', { target_name: 'project' });
    assert.equal(checked.status, 200, checked.text);
    assert.match(checked.text, /pmr_project is added/);
    assert.match(checked.text, /key project_id is unique and never NULL; tables to be created/);
    assert.equal(await stored('pmr_project'), undefined);
    assert.deepEqual(await audit(), []);

    const saved = await send(checked, NEW, 'save', { why: 'new report' });
    assert.equal(saved.status, 303, saved.text);
    assert.equal(saved.headers.get('location'), '/views/pmr_project');
    assert.equal((await stored('pmr_project'))?.target_name, 'project');
    assert.partialDeepStrictEqual(await audit(), [
      {
        via: 'page',
        requested_by: 'operator@example.com',
        action: 'import',
        reason: 'new report',
        outcome: 'imported',
      },
    ]);
    await on.replicate();
    assert.equal((await send(checked, NEW, 'save', { target_name: 'project' })).status, 303);
    assert.equal((await audit()).length, 1, 'a form that is sent twice');
  });

  it('does not take a form that was changed after it was sent for the same', async () => {
    const page = await operator.get(SITE);
    assert.equal((await send(page, SITE, 'save', { recheck_seconds: '30' })).status, 303);
    const back = await send(page, SITE, 'save', { recheck_seconds: '60' });
    assert.equal(back.status, 409);
    assert.match(back.text, /pmr_site is changed recheck_seconds 30 60/);
  });

  it('saves a changed field only, and shows what it changes before', async () => {
    const page = await operator.get(SITE);
    assert.match(page.text, /The column of the view that shows the primary key of the main table/);
    assert.match(page.html, /name="name"[^>]*readonly/);
    assert.doesNotMatch(page.html, /name="load_type"[^>]*readonly/, 'there are no batches');
    const checked = await send(page, SITE, 'check', { recheck_seconds: '60' });
    assert.match(checked.text, /pmr_site is changed recheck_seconds 0 60/);
    const saved = await send(checked, SITE, 'save');
    assert.equal(saved.headers.get('location'), '/views/pmr_site');
    assert.deepEqual(await stored('pmr_site'), { ...SITE_ENTRY, recheck_seconds: 60 });
    assert.match((await operator.get('/views/pmr_site')).text, /Imported: pmr_site\./);
  });

  it('locks load type, key and target of a view with batches, and says how to change them', async () => {
    await on.source.add('app_site', { id: 1, name: 'one' });
    await on.catchUp('pmr_site');
    const page = await operator.get(SITE);
    for (const field of ['load_type', 'key_column', 'target_name']) {
      assert.match(page.html, new RegExp(`name="${field}"[^>]*readonly`));
    }
    assert.equal(linkOf(page, 'Change the load type'), '/views/pmr_site/load-type');
    const forced = await send(page, SITE, 'save', { load_type: 'bq-storage-api' });
    assert.equal(forced.status, 400);
    assert.match(forced.text, /Nothing was stored\..*has batches with load_type merge/);
  });

  it('tells the second of two operators, and stores nothing of theirs until they decide again', async () => {
    const page = await operator.get(SITE);
    const other = new AdminClient(() => on.dependencies);
    assert.equal(
      (await send(await other.get(SITE), SITE, 'save', { recheck_seconds: '30' }, other)).status,
      303,
    );
    await send(page, SITE, 'check', { cluster_columns: 'name' });

    const second = await send(page, SITE, 'save', { cluster_columns: 'name' });

    assert.equal(second.status, 409);
    assert.match(second.text, /somebody has changed view source pmr_site since you looked at it/);
    assert.match(second.text, /pmr_site is changed recheck_seconds 30 0/, 'what saving again would undo');
    assert.equal((await stored('pmr_site'))?.recheck_seconds, 30);
    assert.deepEqual((await stored('pmr_site'))?.cluster_columns, []);
    assert.equal((await send(second, SITE, 'save', { recheck_seconds: '30' })).status, 303);
    assert.deepEqual((await stored('pmr_site'))?.cluster_columns, ['name']);
  });

  it('keeps what was filled in when something is wrong, and escapes it', async () => {
    const fields = Object.keys(shownIn(await operator.get(SITE)));
    assert.ok(fields.length > 25);
    for (const field of fields.filter((name) => name !== 'name')) {
      for (const step of ['check', 'save'] as const) {
        for (const text of [SCRIPT, "'; drop table etl.audit; --", 'a\0']) {
          const answer = await send(await operator.get(SITE), SITE, step, { [field]: text });
          assert.ok([200, 303, 400].includes(answer.status), `${field}: ${answer.status} ${answer.text}`);
          assert.doesNotMatch(answer.html, /<script>alert/);
          if (answer.status === 400 && !CHOICES.includes(field))
            assert.equal(shownIn(answer)[field], text, field);
        }
      }
    }
  });

  it('takes no number that cannot be stored for a failure of the page', async () => {
    for (const text of ['99999999999', '1e400', '-1', '0.5']) {
      const answer = await send(await operator.get(SITE), SITE, 'save', { recheck_seconds: text });
      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.text, /Recheck seconds/);
    }
    assert.equal((await stored('pmr_site'))?.recheck_seconds, 0);
  });

  it('refuses another name, and one that is there already', async () => {
    const renamed = await send(await operator.get(SITE), SITE, 'save', { name: 'pmr_other' });
    assert.equal(renamed.status, 400);
    assert.match(renamed.text, /The name stays pmr_site/);
    const page = await operator.get(`${NEW}?view=pmr_site`);
    const taken = await send(page, NEW, 'save');
    assert.equal(taken.status, 400);
    assert.match(taken.text, /There is a view source pmr_site already\./);
  });

  for (const name of ['new', 'import', 'export', 'source']) {
    it(`edits a view source named ${name}`, async () => {
      const entry = { ...SITE_ENTRY, name, target_name: `${name}_site`, enabled: false };
      await on.dependencies.control.viewSources.import([{ ...entry, ...NO_MODELS }]);
      const address = linkOf(await operator.get('/sources'), `Edit ${name}`);
      const page = await operator.get(address);
      assert.equal(page.status, 200);
      assert.equal(shownIn(page).name, name);
      assert.equal((await send(page, address, 'save', { recheck_seconds: '7' })).status, 303);
      assert.equal((await stored(name))?.recheck_seconds, 7);
    });
  }

  it('says that the source has no such view', async () => {
    const page = await operator.get(`${NEW}?${new URLSearchParams({ view: SCRIPT })}`);
    assert.equal(page.status, 200);
    assert.match(page.text, /The source has no view .* that may be read/);
    assert.doesNotMatch(page.html, /<script>alert/);
    assert.equal((await operator.get('/views/nothing/source')).status, 404);
    assert.equal((await operator.get(`${NEW}?view=a%00`)).status, 400);
  });

  it('needs no source to show what is stored', async () => {
    const url = new URL(String(on.parts.env.SOURCE_DATABASE_URL));
    url.port = '1';
    const down = await on.anotherProcess({ SOURCE_DATABASE_URL: String(url) });
    const client = new AdminClient(() => down.dependencies);
    for (const path of [NEW, SITE]) {
      const page = await client.get(path);
      assert.equal(page.status, 200);
      assert.match(page.text, /source.* cannot be shown\.|What the source offers cannot be shown\./);
    }
    const saved = await send(await client.get(SITE), SITE, 'save', { recheck_seconds: '5' }, client);
    assert.equal(saved.status, 503);
    assert.match(saved.text, /Nothing was stored\./);
  });

  it('is for operators', async () => {
    const viewer = new AdminClient(() => on.dependencies, 'viewer');
    for (const path of [NEW, SITE]) {
      assert.equal((await viewer.get(path)).status, 403);
      assert.equal((await viewer.post(path, { step: 'save' })).status, 403);
      assert.equal((await operator.post(path, { step: 'save' }, { csrf: null })).status, 403);
    }
    assert.equal(await stored(STREAMED_ENTRY.name), undefined);
  });
});

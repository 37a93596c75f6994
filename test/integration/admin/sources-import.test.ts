import assert from 'node:assert/strict';
import { CSRF_FIELD } from '../../../functions/admin/access/csrf.ts';
import { viewSourceFile } from '../../../shared/model/view-source-file.ts';
import { failBefore } from '../../emulators/faults.ts';
import { AdminClient, type AdminPage, formOf } from '../../support/admin.ts';
import { SITE_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const PATH = '/sources/import';
const SCRIPT = '"><script>alert(1)</script>';
const INCIDENTS = viewSourceFile([STREAMED_ENTRY]);
const withSite = (fields: object) => viewSourceFile([{ ...SITE_ENTRY, ...fields }]);

describe('the import of view sources by the admin page', () => {
  const { on, stack } = useInstallation();
  let operator: AdminClient;
  beforeEach(() => {
    operator = new AdminClient(() => on.dependencies);
  });

  const tryFile = async (file: string, client = operator): Promise<AdminPage> => {
    await client.get(PATH);
    return await client.post(PATH, { file });
  };
  const confirm = async (page: AdminPage, why = '', client = operator): Promise<AdminPage> =>
    await client.post(PATH, { ...formOf(page, PATH), why });
  const stored = async (view: string) =>
    (await on.dependencies.control.viewSources.entries()).find(({ entry }) => entry.name === view)?.entry;
  const audit = async () => (await on.control.query('select * from etl.audit order by id')).rows;

  it('shows what a file would do before it is imported with a reason', async () => {
    const page = await tryFile(INCIDENTS);
    assert.equal(page.status, 200);
    assert.match(page.text, /xyz_incident is added/);
    assert.match(
      page.text,
      /view xyz_incident \d+ columns, key incident_id is unique and never NULL; tables to be created/,
    );
    assert.doesNotMatch(page.text, /staging bucket|The checks found problems/);
    assert.equal(await stored('xyz_incident'), undefined, 'a dry run stores nothing');
    assert.deepEqual(await audit(), []);

    const answer = await confirm(page, 'the support desk needs it');

    assert.equal(answer.status, 303, answer.text);
    assert.equal(answer.headers.get('location'), '/sources');
    assert.deepEqual(await stored('xyz_incident'), STREAMED_ENTRY);
    assert.partialDeepStrictEqual(await audit(), [
      {
        via: 'page',
        requested_by: 'operator@example.com',
        action: 'import',
        views: ['xyz_incident'],
        reason: 'the support desk needs it',
        outcome: 'imported',
      },
    ]);
    assert.match((await operator.get('/sources')).text, /Imported: xyz_incident\. Entry in the audit/);
    const again = await confirm(page);
    assert.equal(again.status, 303);
    assert.equal((await audit()).length, 1, 'a form that is sent twice');
  });

  it('shows each changed field, and what it means for a view that has batches', async () => {
    await on.source.add('app_site', { id: 1, name: 'one' });
    await on.catchUp('pmr_site');
    const page = await tryFile(withSite({ null_defaults: { name: SCRIPT }, recheck_seconds: 60 }));
    assert.match(
      page.text,
      /pmr_site is changed null_defaults \{\} \{"name":"\\"><script>alert\(1\)<\/script>"\}/,
    );
    assert.match(page.text, /pmr_site is changed recheck_seconds 0 60/);
    assert.match(
      page.text,
      /pmr_site, null_defaults: rows of the target may be wrong until the view is loaded again/,
    );
    assert.match(page.text, /loaded again pmr_site/);
    assert.doesNotMatch(page.html, /<script>alert/);
    assert.match((await tryFile(withSite({}))).text, /pmr_site stays as it is/);
  });

  it('takes an uploaded file', async () => {
    await operator.get(PATH);
    const { [CSRF_FIELD]: token = '' } = formOf(await tryFile(INCIDENTS), PATH);
    const body = new FormData();
    body.set(CSRF_FIELD, token);
    body.set('file', '');
    body.set('upload', new File([`\uFEFF${INCIDENTS}`], 'view-sources.json'));
    const answer = await operator.fetch(PATH, { method: 'POST', body });
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /xyz_incident<\/th><td>is added/);
  });

  it('takes the file of the export, which changes nothing, and brings forgotten view sources back', async () => {
    const exported = async () => await (await operator.fetch('/sources/export')).text();
    const file = await exported();
    const same = await tryFile(file);
    assert.match(same.text, /pmr_project stays as it is pmr_site stays as it is/);
    await on.control.query('delete from etl.view_source');
    const page = await tryFile(file);
    assert.match(page.text, /pmr_project is added pmr_site is added/);
    assert.equal((await confirm(page)).status, 303);
    assert.equal(await exported(), file);
  });

  it('offers the views of SMartApp', async () => {
    const page = await operator.get(`${PATH}?sample=smartapp`);
    for (const view of ['pmr_project', 'pmr_inventory', 'pmr_pm_plan', 'pmr_pm_item', 'xyz_incident']) {
      assert.match(page.text, new RegExp(`"name": "${view}"`));
    }
    assert.equal((await operator.get(`${PATH}?sample=../../package.json`)).status, 400);
  });

  for (const [what, file, words] of [
    ['nothing', '', /There is no file: choose one, or paste its content\./],
    [
      'text that is no JSON',
      '{"import": [\n{"name": "a",}]}',
      /The file is no JSON\. Line 2, column 14, at “}\]}”/,
    ],
    ['another form', '[]', /must be an object with a list of view sources/],
    ['no entry', '{"import": []}', /import: too small/],
    [
      'a script',
      `{"import": [${JSON.stringify({ name: SCRIPT })}]}`,
      /entry 1 \("><script>.*, name: may contain only letters/,
    ],
    ['a missing field', '{"import": [{"name": "a"}]}', /entry 1 \(a\), main_table: is missing\./],
    [
      'a wrong type',
      withSite({ lookups: [{ table: 7 }] }),
      /entry 1 \(pmr_site\), lookups, 1, table: must be a text, not a number\./,
    ],
    [
      'an unknown field',
      withSite({}).replace('"name"', '"nam": 1, "name"'),
      /entry 1 \(pmr_site\): unrecognized key: "nam"\./,
    ],
    ['a NUL character', withSite({ model: 'a\0' }), /entry 1 \(pmr_site\), model: contains a NUL character/],
    ['two equal names', viewSourceFile([SITE_ENTRY, SITE_ENTRY]), /import: name pmr_site appears twice\./],
  ] as const) {
    it(`refuses ${what} in words`, async () => {
      const page = await tryFile(file);
      assert.equal(page.status, 400);
      assert.match(page.text, /Nothing was stored\./);
      assert.match(page.text, words);
      assert.doesNotMatch(page.html, /<script>alert/);
    });
  }

  it('shows what the checks find wrong, with advice, and stores nothing that an import refuses', async () => {
    const page = await tryFile(withSite({ key_column: "name'; drop table etl.audit; --" }));
    assert.equal(page.status, 200);
    assert.match(page.text, /■ view pmr_site/);
    assert.match(page.text, /The checks found problems\./);
    const answer = await confirm(page);
    assert.equal(answer.status, 400);
    assert.match(answer.text, /Nothing was stored\..*pmr_site/);
    assert.deepEqual(await stored('pmr_site'), SITE_ENTRY);
    assert.partialDeepStrictEqual(await audit(), [{ action: 'import', outcome: null }]);
  });

  it('tells the second of two operators, and imports nothing', async () => {
    const page = await tryFile(withSite({ recheck_seconds: 60 }));
    const other = new AdminClient(() => on.dependencies);
    assert.equal(
      (await confirm(await tryFile(withSite({ recheck_seconds: 30 }), other), '', other)).status,
      303,
    );

    const second = await confirm(page);

    assert.equal(second.status, 409);
    assert.match(
      second.text,
      /Nothing was stored\. somebody has changed view source pmr_site since you looked at it/,
    );
    assert.match(second.text, /recheck_seconds 30 60/, 'and sees what is stored now');
    assert.equal((await stored('pmr_site'))?.recheck_seconds, 30);
    assert.equal((await confirm(second)).status, 303);
    assert.equal((await stored('pmr_site'))?.recheck_seconds, 60);
  });

  it('refuses a reason that cannot be stored', async () => {
    const answer = await confirm(await tryFile(INCIDENTS), 'a\0');
    assert.equal(answer.status, 400);
    assert.match(answer.text, /Nothing was stored\. The reason is longer/);
    assert.equal((await confirm(answer)).status, 303);
  });

  it('checks the source of a view whose tables it may not look at', async () => {
    stack.bigquery.faults.next('bigquery.tables.get', failBefore(403, 'accessDenied'));
    const page = await tryFile(INCIDENTS);
    assert.match(
      page.text,
      /view xyz_incident \d+ columns, key incident_id is unique and never NULL; its tables are not tried here/,
    );
    assert.doesNotMatch(page.text, /The checks found problems/);
  });

  it('does not mind a change of another view source', async () => {
    const page = await tryFile(withSite({ recheck_seconds: 60 }));
    await on.control.query(`update etl.view_source set recheck_seconds = 5 where name = 'pmr_project'`);
    assert.equal((await confirm(page)).status, 303);
  });

  it('lets two confirm at once, of whom one is told', async () => {
    const pages = [
      await tryFile(withSite({ recheck_seconds: 1 })),
      await tryFile(withSite({ recheck_seconds: 2 })),
    ];
    const answers = await Promise.all(pages.map((page) => confirm(page)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 409]);
  });

  it('says so if the source is down', async () => {
    const url = new URL(String(on.parts.env.SOURCE_DATABASE_URL));
    url.port = '1';
    const down = await on.anotherProcess({ SOURCE_DATABASE_URL: String(url) });
    const client = new AdminClient(() => down.dependencies);
    const page = await tryFile(withSite({ recheck_seconds: 60 }), client);
    assert.match(page.text, /■ import .*source/);
    const answer = await confirm(page, '', client);
    assert.equal(answer.status, 503);
    assert.match(answer.text, /Nothing was stored\./);
  });

  it('is for operators', async () => {
    const viewer = new AdminClient(() => on.dependencies, 'viewer');
    assert.equal((await viewer.get(PATH)).status, 403);
    assert.equal((await viewer.post(PATH, { file: INCIDENTS })).status, 403);
    await operator.get(PATH);
    assert.equal((await operator.post(PATH, { file: INCIDENTS }, { csrf: null })).status, 403);
  });
});

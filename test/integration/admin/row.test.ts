import assert from 'node:assert/strict';
import { failBefore } from '../../emulators/faults.ts';
import { AdminClient, linkOf } from '../../support/admin.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { HOSTILE } from './hostile-texts.ts';

const NOWHERE = 'postgresql://reader:hunter2@127.0.0.1:1/source';
const SECRET = 'a secret value';

describe('the lookup of a row', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });
  const operator = new AdminClient(() => on.dependencies);
  const viewer = new AdminClient(() => on.dependencies, 'viewer');
  const lookUp = (key: string, view = 'pmr_project') =>
    operator.get(`/views/${view}/row?${new URLSearchParams({ key })}`);

  beforeEach(async () => {
    await on.source.add('app_company', { id: 5, name: 'Acme' });
    await on.source.add('app_project', { id: 1, name: SECRET, company_id: 5 }, { id: 2, name: 'two' });
    await on.replicate();
  });

  it('shows a row that is equal on both sides, the log rows that named it, and the batches that carried it', async () => {
    await on.source.change('app_project', 1, { share: 1.5 });
    await on.replicate();
    const { status, text, html, headers } = await lookUp('1');

    assert.equal(status, 200);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.match(text, /● equal Both sides have the same values/);
    assert.match(text, /name STRING ● same "a secret value" "a secret value"/);
    assert.match(text, /share NUMERIC ● same "1\.500" 1\.5\d*/);
    assert.match(text, /changed main table share batch 2/);
    assert.match(text, /added main table – batch 1/);
    assert.match(text, /added lookup by company_id – batch 1/);
    assert.match(text, /Last wrote the row of the target batch 2 \(incremental\)/);
    assert.match(text, /Cover log rows that name it batch 1 \(initial\)/);
    assert.match(text, /while batches of the view went on: one may have been applied in between/);
    assert.ok(html.includes('href="/transactions/2"'));
    assert.ok(html.includes('href="/transactions?view=pmr_project&amp;key=1"'));
  });

  it('marks the columns that differ, and says when a batch is still to bring the row', async () => {
    await on.source.change('app_project', 1, { name: 'new' });
    const waiting = await lookUp('1');
    assert.match(
      waiting.text,
      /◐ on its way One column differs\. A batch that is still to come carries the row/,
    );
    assert.match(waiting.text, /name STRING ■ differs "new" "a secret value"/);
    assert.match(waiting.text, /company STRING ● same "Acme" "Acme"/);
    assert.match(waiting.text, /changed main table name ◐ waits for a batch/);

    await on.source.database.query(`update app_project set name = 'raw' where id = 2`);
    await on.replicate();
    const bypassed = await lookUp('1');
    assert.match(bypassed.text, /● equal/);
    await on.source.database.query(`update app_project set name = 'raw again' where id = 2`);
    const differs = await lookUp('2');
    assert.match(differs.text, /■ differs One column differs\. No log row that names it is waiting/);
  });

  it('counts a queued key as on its way', async () => {
    await on.source.database.query(`update app_project set name = 'raw' where id = 2`);
    await on.dependencies.control.queuedKeys.add('pmr_project', ['2'], 'backfill');
    const { text } = await lookUp('2');
    assert.match(text, /◐ on its way/);
    assert.match(text, /Queued to be fetched again backfill, due/);
  });

  it('says which side lacks a row, and that a deleted row is kept and marked', async () => {
    await on.source.delete('app_project', 1);
    await on.replicate();
    const deleted = await lookUp('1');
    assert.match(deleted.text, /○ no row Neither side has a row with this key/);
    assert.match(deleted.text, /marked as deleted/);
    assert.match(deleted.text, /deleted main table – batch 2/);
    assert.match(deleted.text, /Last wrote the row of the target batch 2/);

    await on.source.database.query(`insert into app_project (id, name) values (3, 'raw')`);
    assert.match((await lookUp('3')).text, /■ differs The view has the row, and the target does not/);
    await on.query(`delete from ${on.targetTable()} where project_id = 2`);
    await on.source.database.query('delete from app_project where id = 2');
    assert.match((await lookUp('2')).text, /○ no row/);
  });

  it('shows rows of a streamed view', async () => {
    await on.source.add('app_incident', { id: 9, status: 'open' });
    await on.replicate('xyz_incident');
    const { text } = await lookUp('9', 'xyz_incident');
    assert.match(text, /● equal/);
    assert.match(text, /status STRING ● same "open" "open"/);
  });

  it('takes a key as the view writes it, whatever its spelling', async () => {
    const { text } = await lookUp(' +01');
    assert.match(text, /● equal/);
    assert.match(text, /added main table – batch 1/);
  });

  it('says so when a text is no key of the view', async () => {
    for (const text of HOSTILE.filter((each) => each.length <= 1000 && !each.includes('\0'))) {
      const { status, text: shown, html } = await lookUp(text);
      assert.equal(status, 400, text);
      assert.match(shown, /is no key of view pmr_project\. Type a value of the column project_id/);
      assert.ok(!html.includes('<script>alert') && !html.includes('<img'), text);
    }
    assert.equal((await lookUp('x\u0000')).status, 400);
    assert.equal((await lookUp('1'.repeat(1001))).status, 400);
    assert.equal((await operator.get('/views/pmr_project/row?key=1&read=all')).status, 400);
    assert.equal((await operator.get('/views/pmr_project/row?key=1&x=1')).status, 400);
    const { rows } = await on.control.query('select count(*)::int as views from etl.view_source');
    assert.equal(rows[0].views, 3);
  });

  it('shows hostile values as text', async () => {
    await on.source.change('app_project', 1, { name: '<script>alert(1)</script>' });
    await on.replicate();
    const { text, html } = await lookUp('1');
    assert.match(text, /● same "<script>alert\(1\)<\/script>" "<script>alert\(1\)<\/script>"/);
    assert.ok(!html.includes('<script>alert'));
  });

  it('is for operators only', async () => {
    const { status, html } = await viewer.get('/views/pmr_project/row?key=1');
    assert.equal(status, 403);
    assert.ok(!html.includes(SECRET));
    assert.equal((await viewer.get('/views/pmr_project/row')).status, 403);
  });

  it('logs no value', async () => {
    const sink = on.captureLog();
    await lookUp('1');
    await lookUp(SECRET);
    const away = await on.anotherProcess({ SOURCE_DATABASE_URL: NOWHERE });
    away.dependencies = { ...away.dependencies, log: on.dependencies.log };
    await new AdminClient(() => away.dependencies).get('/views/pmr_project/row?key=1');
    assert.doesNotMatch(JSON.stringify(sink.records()), new RegExp(SECRET));
  });

  it('shows the target and its batch when the source is down', async () => {
    const away = await on.anotherProcess({ SOURCE_DATABASE_URL: NOWHERE });
    const page = await new AdminClient(() => away.dependencies).get('/views/pmr_project/row?key=1');
    assert.equal(page.status, 200);
    assert.match(page.text, /○ not compared Only one side was read/);
    assert.match(page.text, /The source cannot be shown\./);
    assert.match(page.text, /name STRING – – "a secret value"/);
    assert.match(page.text, /Last wrote the row of the target batch 1 \(initial\)/);
    assert.match(page.text, /The change log cannot be shown\./);
    assert.doesNotMatch(page.text, /hunter2/);
  });

  it('shows the source and the log when BigQuery is down', async () => {
    stack.bigquery.faults.next('bigquery.tables.get', failBefore(403, 'accessDenied'));
    const { status, text } = await lookUp('1');
    assert.equal(status, 200);
    assert.match(text, /The target cannot be shown\. .*table/);
    assert.match(text, /name STRING – "a secret value" –/);
    assert.match(text, /added main table – batch 1/);
  });

  it('says that the target does not exist yet', async () => {
    await on.source.add('app_site', { id: 4, name: 'four' });
    const { status, text } = await lookUp('4', 'pmr_site');
    assert.equal(status, 200);
    assert.match(text, /The target of view pmr_site does not exist\. The first extract of the view makes it/);
    assert.match(text, /name STRING – "four"/);
  });

  it('asks before BigQuery reads much, and keeps to the limit of the view', async () => {
    on.dependencies = {
      ...on.dependencies,
      warehouse: { ...on.dependencies.warehouse, estimateBytes: async () => 3_200_000_000n },
    };
    const asked = await lookUp('1');
    assert.match(asked.text, /BigQuery reads up to 3\.20 GB, which it bills/);
    assert.match(asked.text, /name STRING – "a secret value" –/);
    const led = await operator.fetch(linkOf(asked, 'Read 3.20 GB'), {
      headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' },
    });
    assert.match(await led.text(), /Read 3\.20 GB/, 'a link of another page agrees to nothing');
    const read = await operator.get(linkOf(asked, 'Read 3.20 GB'));
    assert.match(read.text, /● equal/);

    await on.control.query(`update etl.view_source set max_check_bytes = 3000000000`);
    const refused = await operator.get('/views/pmr_project/row?key=1&read=target');
    assert.match(refused.text, /max_check_bytes of view pmr_project allows 3000000000/);
    assert.match(refused.text, /name STRING – "a secret value" –/);
  });

  it('says that a column of the view is not in the target yet', async () => {
    await on.source.database.query(
      `create or replace view pmr_project as select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at, p.remark
       from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`,
    );
    const { text } = await lookUp('1');
    assert.match(text, /● equal/);
    assert.match(text, /remark STRING – NULL –/);
  });

  it('asks for a key first, and answers 404 for a view that nobody configured', async () => {
    const form = await operator.get('/views/pmr_project/row');
    assert.equal(form.status, 200);
    assert.match(form.text, /Key \(project_id\)/);
    assert.equal((await operator.get('/views/nothing/row?key=1')).status, 404);
  });
});

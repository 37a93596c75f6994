import assert from 'node:assert/strict';
import { AdminClient, linkOf, unescaped } from '../../support/admin.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { HOSTILE } from './hostile-texts.ts';

const PAGE = '/views/pmr_project';
const NOWHERE = 'postgresql://reader:hunter2@127.0.0.1:1/source';

describe('the page of a view', () => {
  const { on } = useInstallation({
    views: [
      {
        ...PROJECT_ENTRY,
        name: 'pmr_site',
        target_name: 'site',
        main_table: 'app_site',
        model: 'site',
        key_column: 'site_id',
        lookups: [],
        null_defaults: { name: '<b>none</b>' },
      },
    ],
  });
  const operator = new AdminClient(() => on.dependencies);
  const viewer = new AdminClient(() => on.dependencies, 'viewer');

  beforeEach(() => on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' }));

  it('shows state, numbers, batches and configuration with both types of every column', async () => {
    await on.replicate();
    const { status, text } = await operator.get(PAGE);

    assert.equal(status, 200);
    assert.match(text, /pmr_project ● ok/);
    assert.match(text, /Activity in 24 hours .* 1 batch changed 2 rows/);
    assert.match(text, /1 initial ● applied/);
    assert.match(text, /project_id key bigint INT64 NOT NULL there is none/);
    assert.match(text, /share numeric\(12,3\) NUMERIC stops the batch/);
    assert.match(text, /opened timestamp with time zone TIMESTAMP/);
    assert.match(text, /updated_at timestamp with time zone omitted/);
    assert.match(text, /Lookups app_company by company_id/);
  });

  it('shows the policy and the default of a column as text', async () => {
    const { html, text } = await operator.get('/views/pmr_site');
    assert.match(text, /name text STRING there is none "<b>none<\/b>"/);
    assert.ok(!html.includes('<b>none</b>'));
  });

  it('says what the checkpoint covers, which holes are open, and which transaction keeps them open', async () => {
    await on.replicate();
    const client = await on.source.database.connect();
    try {
      await client.query('begin');
      const late = `insert into models_logging_change (object_id, content_type_id, action) values ('1', 7, 'changed') returning id`;
      const { rows } = await client.query(late);
      await on.source.change('app_project', 1, { name: 'three' });
      await on.replicate();

      const { text } = await operator.get(PAGE);
      const id = Number(rows[0].id);
      assert.match(text, new RegExp(`Covered up to log row ${id + 1}`));
      assert.match(text, new RegExp(`Open holes 1 with 1 ids: ${id} `));
      assert.match(
        text,
        /in one of the open holes, which are ids of transactions that were rolled back or have not ended/,
      );
      assert.match(text, /Oldest open transaction of the source process \d+/);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  it('leads to every action and list, and offers no action to a viewer', async () => {
    await on.replicate();
    const seen = await operator.get(PAGE);
    assert.equal(linkOf(seen, 'Run now'), `${PAGE}/run`);
    assert.equal(linkOf(seen, 'Pause'), `${PAGE}/pause`);
    assert.equal(linkOf(seen, 'Check'), `${PAGE}/reconcile`);
    assert.equal(linkOf(seen, 'Resync'), `${PAGE}/resync`);
    for (const action of [
      'repair',
      'keys',
      'recheck',
      'load-type',
      'accept-cost',
      'purge',
      'redrive',
      'forget',
    ]) {
      assert.ok(seen.html.includes(`href="${PAGE}/${action}"`), action);
    }
    assert.equal(linkOf(seen, 'All transactions of pmr_project'), '/transactions?view=pmr_project');
    assert.equal(linkOf(seen, 'Failures of pmr_project'), '/failures?view=pmr_project');
    assert.equal(linkOf(seen, 'All checks of pmr_project'), '/consistency?view=pmr_project');
    assert.equal(linkOf(seen, 'Edit the view source'), `${PAGE}/source`);

    const looked = await viewer.get(PAGE);
    assert.equal(looked.status, 200);
    assert.ok(!looked.html.includes(`${PAGE}/`), 'a viewer has neither actions nor the lookup');
    assert.ok(!looked.html.includes('/sources/'), 'nor the form of the view source');
  });

  it('offers to redrive and to resume a halted view, and says why it is halted', async () => {
    await on.control.query(
      `update etl.view_source set halted_at = now(), halted_reason = 'a <b>bad</b> value' where name = 'pmr_project'`,
    );
    const seen = await operator.get(PAGE);
    assert.match(seen.text, /■ halted/);
    assert.match(seen.text, /is halted: a <b>bad<\/b> value/);
    assert.equal(linkOf(seen, 'Redrive'), `${PAGE}/redrive`);
    assert.equal(linkOf(seen, 'Resume'), `${PAGE}/resume`);
    assert.ok(!seen.html.includes(`${PAGE}/pause`));
  });

  it('shows failures with advice, schema changes, queued keys and checks', async () => {
    await on.replicate();
    await on.reconcile();
    await on.control.query(
      `insert into etl.etl_error (function_name, view_name, kind, message, advice) values ('merge', 'pmr_project', 'warehouse', 'no <i>slots</i>', 'buy more')`,
    );
    await on.control.query(
      `insert into etl.schema_change (view_name, kind, action, details) values ('pmr_project', 'columns', 'evolved', '{"added": ["<u>x</u>"]}')`,
    );
    await on.dependencies.control.queuedKeys.add('pmr_project', ['1', '2'], 'backfill');

    const { text, html } = await operator.get(PAGE);
    assert.match(text, /no <i>slots<\/i> merge, .* buy more/);
    assert.match(text, /columns evolved added .*"<u>x<\/u>"/);
    assert.match(text, /backfill the next batch takes them 2 /);
    assert.match(text, /1 ● equal all columns/);
    assert.doesNotMatch(html, /<[iu]>/);
  });

  it('shows everything but the types when the source is down, and says so', async () => {
    await on.replicate();
    const away = await on.anotherProcess({ SOURCE_DATABASE_URL: NOWHERE });
    const { status, text } = await new AdminClient(() => away.dependencies).get(PAGE);

    assert.equal(status, 200);
    assert.match(text, /The types of the columns cannot be shown\. .*source/);
    assert.match(text, /Columns .* project_id key – –/);
    assert.match(text, /Oldest open transaction of the source not known: /);
    assert.match(text, /1 initial ● applied/);
  });

  it('says that a view is gone from the source, with everything else', async () => {
    await on.replicate();
    await on.source.database.query('drop view pmr_project');
    const { status, text } = await operator.get(PAGE);
    assert.equal(status, 200);
    assert.match(text, /The types of the columns cannot be shown\. view source pmr_project: .*pmr_project/);
    assert.match(text, /1 initial ● applied/);
  });

  it('draws what was applied and billed, by intervals of the chosen span', async () => {
    await on.control.query(
      `insert into etl.etl_transaction (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, started_at, staged_at,
         applied_at, ended_at, rows_added, rows_changed, rows_deleted, rows_unchanged, lag)
       select 'pmr_project', 'incremental', 'test', 'applied', gen_random_uuid(), '{}', '', at - interval '30 s', at - interval '10 s', at, at, n, 0, 0, 0,
         n * interval '1 s'
       from (values (10, now() - interval '3 days'), (30, now() - interval '3 days')) as b (n, at)`,
    );
    await on.control.query(
      `insert into etl.job_usage (job_id, view_name, bytes_billed, slot_ms, ended_at) values ('a', 'pmr_project', 5000, 1, now() - interval '3 days')`,
    );
    const day = await operator.get(PAGE);
    assert.match(day.text, /0 batches changed 0 rows; BigQuery billed 0 B/);

    const week = await operator.get(`${PAGE}?span=7d`);
    assert.match(week.text, /2 batches changed 40 rows; BigQuery billed 5\.00 kB/);
    const [rows, duration, lag, billed] = chartsOf(week.html);
    assert.equal(rows?.times.length, 84);
    assert.deepEqual(rows && valuesOf(rows), { changed: [0], added: [20], deleted: [0], unchanged: [0] });
    assert.deepEqual(duration && valuesOf(duration), {
      'capture, fetch and stage': [20],
      'wait and apply': [10],
    });
    assert.deepEqual(lag && valuesOf(lag), { longest: [30], median: [20] });
    assert.deepEqual(
      billed?.series[0]?.values.filter((value) => value !== 0),
      [5000],
    );
    assert.equal((await operator.get(`${PAGE}?span=1y`)).status, 400);
  });

  it('stays fast with 100,000 batches', async () => {
    await on.control.query(
      `insert into etl.etl_transaction (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, started_at, staged_at,
         applied_at, ended_at, rows_added, rows_changed, rows_deleted, lag)
       select 'pmr_project', 'incremental', 'test', 'applied', gen_random_uuid(), '{}', '', at, at, at, at, 1, 1, 1, interval '1 s'
       from (select now() - n * interval '25 s' as at from generate_series(100000, 1, -1) n) b`,
    );
    await on.control.query('analyze etl.etl_transaction');
    const startedAt = performance.now();
    const { text } = await operator.get(`${PAGE}?span=30d`);
    const elapsedMs = performance.now() - startedAt;
    assert.match(text, /100,000 batches changed 300,000 rows/);
    assert.match(
      text,
      /Deleted 100000 incremental .* 99999 incremental .* 99991 incremental .* Latest checks/,
    );
    assert.ok(elapsedMs < 3000, `the page took ${elapsedMs} ms`);
  });

  it('answers 404 for a view that nobody configured, whatever its name', async () => {
    assert.equal((await operator.get('/views/nothing')).status, 404);
    for (const text of HOSTILE) {
      const { status, html } = await operator.get(`/views/${encodeURIComponent(text)}`);
      assert.equal(status, 404, text);
      assert.ok(!html.includes('<script>alert') && !html.includes('<img'), text);
    }
  });

  it('answers 400 with a plain page for a wrong span', async () => {
    for (const text of HOSTILE) {
      const { status, html } = await operator.get(`${PAGE}?span=${encodeURIComponent(text)}`);
      assert.equal(status, 400, text);
      assert.ok(!html.includes('<script>alert') && !html.includes('<img'), text);
    }
  });
});

type Drawn = { times: number[]; series: { label: string; values: (number | null)[] }[] };

const chartsOf = (html: string): Drawn[] =>
  [...html.matchAll(/data-chart="([^"]*)"/g)].map(([, json = '']) => JSON.parse(unescaped(json)) as Drawn);

/** The values of each series, without the times that have none. */
const valuesOf = ({ series }: Drawn): Record<string, (number | null)[]> =>
  Object.fromEntries(series.map(({ label, values }) => [label, values.filter((value) => value !== null)]));

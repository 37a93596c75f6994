import assert from 'node:assert/strict';
import { AdminClient, linkOf } from '../../support/admin.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { HOSTILE } from './hostile-texts.ts';

const DAY = '2026-03-29';

describe('the report of a day', () => {
  const { on } = useInstallation({ per: 'test' });
  const operator = new AdminClient(() => on.dependencies);
  const viewer = new AdminClient(() => on.dependencies, 'viewer');

  type Batch = {
    view?: string;
    state?: string;
    endedAt: string;
    rows?: number;
    lag?: string | null;
    attempt?: number;
  };

  async function addBatch({
    view = 'pmr_project',
    state = 'applied',
    endedAt,
    rows = 1,
    lag = null,
    attempt = 1,
  }: Batch) {
    await on.control.query(
      `insert into etl.etl_transaction (view_name, kind, trigger, state, attempt, lease_token, next_checkpoint, staged_prefix, started_at,
         ended_at, applied_at, rows_added, rows_changed, rows_deleted, rows_unchanged, lag)
       values ($1, 'incremental', 'test', $2, $3, gen_random_uuid(), '{}', '', $4, $4, case when $2 = 'applied' then $4::timestamptz end, $5, $5, $5, $5, $6)`,
      [view, state, attempt, endedAt, rows, lag],
    );
  }

  it('counts what ended within the UTC day, and nothing of the days beside it', async () => {
    await addBatch({ endedAt: `2026-03-28T23:59:59.999Z`, rows: 1000 });
    await addBatch({ endedAt: `${DAY}T00:00:00Z`, rows: 10, lag: '10 s', attempt: 3 });
    await addBatch({ endedAt: `${DAY}T23:59:59.999Z`, rows: 5, lag: '30 s' });
    await addBatch({ view: 'pmr_site', endedAt: `${DAY}T12:00:00Z`, rows: 1, lag: '2 min' });
    await addBatch({ view: 'pmr_site', endedAt: `${DAY}T13:00:00Z`, state: 'failed' });
    await addBatch({ view: 'pmr_site', endedAt: `${DAY}T14:00:00Z`, state: 'abandoned', attempt: 2 });
    await addBatch({ endedAt: `2026-03-30T00:00:00Z`, rows: 1000 });
    await on.control.query(
      `insert into etl.job_usage (job_id, view_name, bytes_billed, slot_ms, ended_at) values
       ('a', 'pmr_project', 1000000, 2000, '${DAY}T01:00:00Z'), ('b', 'pmr_project', 500000, 1000, '${DAY}T02:00:00Z'),
       ('c', 'pmr_project', 7000000, 1000, '2026-03-30T00:00:00Z')`,
    );

    const { status, text } = await viewer.get(`/report/${DAY}`);

    assert.equal(status, 200);
    assert.match(text, /The day is that of UTC/);
    assert.match(text, /Batches applied 3 1 abandoned, 1 failed/);
    assert.match(text, /Rows changed 48 16 more were equal already/);
    assert.match(text, /pmr_project 2 0 0 2 15 15 15 15 29 s 30 s 1\.50 MB 3\.0 s/);
    assert.match(text, /pmr_site 1 1 1 1 1 1 1 1 2 min 2 min 0 B 0\.0 s/);
    assert.match(text, /All views 3 1 1 3 16 16 16 16 .* 2 min 1\.50 MB 3\.0 s/);
  });

  it('lists failures by view and kind, checks, and changes of views', async () => {
    await on.control.query(
      `insert into etl.etl_error (occurred_at, function_name, view_name, kind, message, advice, resolved_at) values
       ('${DAY}T01:00:00Z', 'merge', 'pmr_project', 'warehouse', 'first', '', now()),
       ('${DAY}T02:00:00Z', 'merge', 'pmr_project', 'warehouse', '<b>second</b>', '', null),
       ('${DAY}T03:00:00Z', 'extract', null, 'invalid_event', 'no view', '', null),
       ('2026-03-30T00:00:00Z', 'merge', 'pmr_project', 'warehouse', 'of another day', '', null)`,
    );
    await on.control.query(
      `insert into etl.consistency_check (view_name, mode, trigger, repairs, state, ended_at, is_consistent, source_rows, target_rows, missing, extra, different, duplicates, repaired)
       values ('pmr_site', 'full', 'schedule', false, 'done', '${DAY}T05:00:00Z', false, 1000, 999, 1, 0, 0, 0, 0)`,
    );
    await on.control.query(
      `insert into etl.schema_change (view_name, kind, action, detected_at) values ('pmr_site', 'columns', 'evolved', '${DAY}T05:00:00Z')`,
    );

    const { text, html } = await operator.get(`/report/${DAY}`);

    assert.match(text, /Failures 3 2 still open/);
    assert.match(text, /pmr_project merge warehouse 2 1 .* <b>second<\/b>/);
    assert.match(text, /no view extract invalid_event 1 1 .* no view/);
    assert.ok(!text.includes('of another day') && !html.includes('<b>second'));
    assert.match(text, /Checks 1 1 found differences/);
    assert.match(text, /1 pmr_site ■ differs all columns .* schedule 1,000 999 1 0 0 0 0/);
    assert.match(text, /pmr_site columns evolved/);
    assert.match(text, /No batch ended on this day/);
  });

  it('tells of a check that found differences after hundreds that found none', async () => {
    await on.control.query(
      `insert into etl.consistency_check (view_name, mode, trigger, repairs, state, ended_at, is_consistent, missing, extra, different, duplicates, repaired)
       select 'pmr_site', 'full', 'schedule', false, 'done', '${DAY}T05:00:00Z', n <= 500, 0, 0, 0, 0, 0 from generate_series(1, 501) n`,
    );
    assert.match((await viewer.get(`/report/${DAY}`)).text, /Checks \d+ 1 found differences/);
  });

  it('leads to the day before and after, also over the end of a year and of February', async () => {
    const page = await viewer.get('/report/2028-02-29');
    assert.equal(linkOf(page, '← previous day'), '/report/2028-02-28');
    assert.equal(linkOf(page, 'next day →'), '/report/2028-03-01');
    assert.equal(linkOf(await viewer.get('/report/2026-12-31'), 'next day →'), '/report/2027-01-01');
    assert.match(page.text, /Nothing happened on this day/);
  });

  it('is linked from the overview, and begins with today', async () => {
    assert.equal(linkOf(await viewer.get('/'), 'Report of today'), '/report');
    const today = new Date().toISOString().slice(0, 10);
    const { status, headers } = await viewer.get('/report');
    assert.deepEqual([status, headers.get('location')], [303, `/report/${today}`]);
    const chosen = await viewer.get('/report?day=2026-01-02');
    assert.equal(chosen.headers.get('location'), '/report/2026-01-02');
    assert.match((await viewer.get(`/report/${today}`)).text, /it has not ended yet/);
  });

  it('refuses what is no day with a plain page', async () => {
    for (const text of [
      ...HOSTILE,
      '2026-02-30',
      '2026-13-01',
      '0000-01-01',
      '1999-12-31',
      '3000-01-01',
      '20260101',
      '2026-1-1',
    ]) {
      for (const path of [`/report/${encodeURIComponent(text)}`, `/report?day=${encodeURIComponent(text)}`]) {
        const { status, html } = await viewer.get(path);
        assert.ok([400, 404].includes(status), `${path}: ${status}`);
        assert.ok(!html.includes('<script>alert') && !html.includes('<img'), text);
      }
    }
  });
});

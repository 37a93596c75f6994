import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { clickThrough } from './click-through.ts';
import { BY, useAdmin } from './use-admin.ts';
import { useBrowser } from './use-browser.ts';

const TRANSACTIONS = 100_000;

/** One every minute, by turns of two views; every thousandth was abandoned, and a check found every ten thousandth different. */
const INSERT = `
  insert into etl.etl_transaction (id, view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, started_at, ended_at, applied_at,
    is_consistent)
  select n, case when n % 2 = 0 then 'pmr_project' else 'pmr_site' end, 'incremental', 'tick', state, gen_random_uuid(), '{}', n || '/', at, at,
    case when state = 'applied' then at end, case when n % 10000 = 5000 then false end
  from generate_series(1, ${TRANSACTIONS}) as n
  cross join lateral (select timestamptz '2026-01-01 00:00:00Z' + n * interval '1 minute' as at,
    case when n % 1000 = 0 then 'abandoned' else 'applied' end as state) t`;

describe('a hundred thousand transactions', () => {
  const admin = useAdmin();
  const browser = useBrowser();

  before(async () => {
    await admin.on.control.query(INSERT);
    await admin.on.control.query('analyze etl.etl_transaction');
  });

  const open = async (query = ''): Promise<Page> =>
    await browser.open(`${admin.url}/transactions${query}`, { by: BY.operator });
  const ids = async (page: Page): Promise<number[]> =>
    (await page.locator('tbody th a').allInnerTexts()).map(Number);
  const from = (first: number, step = 1): number[] => Array.from({ length: 50 }, (_, i) => first - i * step);
  const follow = async (page: Page, name: string): Promise<void> =>
    await clickThrough(page.getByRole('link', { name, exact: true }));

  it('are shown from the newest to the oldest page, and back', async () => {
    const page = await open();
    assert.deepEqual(await ids(page), from(TRANSACTIONS));
    for (let n = 1; n <= 3; n += 1) {
      await follow(page, 'Older');
      assert.deepEqual(await ids(page), from(TRANSACTIONS - n * 50));
    }
    await follow(page, 'Oldest');
    assert.deepEqual(await ids(page), from(50));
    assert.equal(await page.getByRole('link', { name: 'Older', exact: true }).count(), 0);
    await follow(page, 'Newer');
    assert.deepEqual(await ids(page), from(100));
    await follow(page, 'Newest');
    assert.deepEqual(await ids(page), from(TRANSACTIONS));
  });

  it('are filtered by every field, page by page', async () => {
    const page = await open();
    await page.getByRole('combobox', { name: 'View' }).selectOption('pmr_site');
    await clickThrough(page.getByRole('button', { name: 'Filter' }));
    assert.deepEqual(await ids(page), from(TRANSACTIONS - 1, 2));
    await follow(page, 'Oldest');
    assert.deepEqual(await ids(page), from(99, 2));

    await page.goto(`${admin.url}/transactions?state=abandoned`);
    assert.match(await page.locator('.summary').innerText(), /^100 transactions/);
    await follow(page, 'Older');
    assert.deepEqual(await ids(page), from(50_000, 1000));

    await page.goto(`${admin.url}/transactions?consistent=no`);
    assert.deepEqual(
      await ids(page),
      [95_000, 85_000, 75_000, 65_000, 55_000, 45_000, 35_000, 25_000, 15_000, 5_000],
    );

    await page.goto(`${admin.url}/transactions?from=2026-02-01&to=2026-02-01`);
    assert.match(await page.locator('.summary').innerText(), /^1,440 transactions/);
  });

  it('are found by number', async () => {
    const page = await open();
    await page.getByRole('textbox', { name: 'Number' }).fill('54321');
    await clickThrough(page.getByRole('button', { name: 'Go to' }));
    assert.equal(await page.locator('h1').innerText(), 'ETL transaction 54321');
    await follow(page, '54323 after it →');
    assert.equal(await page.locator('h1').innerText(), 'ETL transaction 54323');
  });

  it('are downloaded, all of them or those that the filters match', async () => {
    for (const [query, expected] of [
      ['', TRANSACTIONS],
      ['?state=abandoned', 100],
    ] as const) {
      const page = await open(query);
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Download as CSV' }).click(),
      ]);
      const lines = (await readFile(await download.path(), 'utf8')).trimEnd().split('\r\n').slice(1);
      assert.equal(new Set(lines.map((line) => line.split(',')[0])).size, expected);
    }
  });
});

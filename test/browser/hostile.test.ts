import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { addressOf, askWith } from '../integration/admin/ask-with.ts';
import { HOSTILE } from '../integration/admin/hostile-texts.ts';
import { AdminClient } from '../support/admin.ts';
import { type Addresses, addressesIn } from './addresses.ts';
import { clickThrough } from './click-through.ts';
import { plantHostile, RUNS, SHOWN } from './plant-hostile.ts';
import { useFilledPages } from './use-pages.ts';

/** What each page reads from its address. */
const PARAMETERS: Record<string, string[]> = {
  '/': ['x'],
  '/transactions': [
    'view',
    'state',
    'kind',
    'from',
    'to',
    'consistent',
    'older',
    'newer',
    'number',
    'view=pmr_project&key',
  ],
  '/transactions/': [''],
  '/failures': ['status', 'view', 'kind', 'group', 'below'],
  '/failures/': [''],
  '/consistency': ['view', 'before'],
  '/consistency/2': ['after', 'class'],
  '/consistency/': [''],
  '/report': ['day'],
  '/report/': [''],
  '/views/': [''],
  '/views/pmr_project': ['span'],
  '/views/pmr_project/row': ['key', 'key=1&read'],
  '/views/pmr_project/reconcile': ['mode', 'since'],
  '/views/pmr_project/recheck': ['since'],
  '/views/pmr_project/purge': ['before'],
  '/views/pmr_project/load-type': ['target'],
  '/views/pmr_project/keys': ['keys'],
  '/views/pmr_project/pause': ['until', 'why', 'confirm'],
  '/sources/': [''],
  '/sources/new': ['view'],
  '/sources/import': ['sample'],
  '/audit': ['view', 'action', 'by', 'from', 'to', 'before'],
  '/audit/': [''],
};

/** What a schema may take and a database may not. */
const OUT_OF_RANGE = [
  '9999-12-31',
  '0000-01-01',
  '-1',
  '1e99',
  '9223372036854775808',
  '9999999999999999-999999999999999999',
];

describe('hostile texts', () => {
  const { admin, browser, open } = useFilledPages();
  let addresses: Addresses;

  before(async () => {
    await plantHostile(admin.on);
    addresses = await addressesIn(admin.on);
  });

  /** Nothing of the page came from a text: its scripts, no handler, and links that lead to pages. `useBrowser` sees what ran. */
  const assertHarmless = async (page: Page): Promise<void> => {
    const found = await page.locator(':root').evaluate((root) => ({
      scripts: [...root.querySelectorAll('script')].filter((each) => !each.src.includes('/assets/')).length,
      images: root.querySelectorAll('img, iframe, object, embed, base, meta[http-equiv]').length,
      handlers: [...root.querySelectorAll('*')].filter((each) =>
        each.getAttributeNames().some((name: string) => name.startsWith('on')),
      ).length,
      addresses: [...root.querySelectorAll('[href], [src], [action]')]
        .flatMap((each) => [each.href, each.src, each.action])
        .filter((each) => typeof each === 'string' && !/^https?:/.test(each)),
    }));
    assert.deepEqual(found, { scripts: 0, images: 0, handlers: 0, addresses: [] }, page.url());
  };
  it('in what is stored run nowhere, and are shown as they are', async () => {
    const page = await open('/');
    const shown = new Set<string>();
    for (const [route, each] of Object.entries(addresses)) {
      for (const { path } of each) {
        await page.goto(`${admin.url}${path}`);
        await assertHarmless(page);
        if ((await page.locator('main').innerText()).includes(SHOWN)) shown.add(route);
      }
    }
    browser.expectProblems(/ with a status of 40[04]/);
    const places = [
      '/',
      '/transactions',
      '/transactions/:id',
      '/failures',
      '/failures/:id',
      '/consistency/:id',
      '/views/:name',
      '/views/:name/row',
      '/audit',
      '/audit/:id',
    ];
    assert.deepEqual(
      places.filter((route) => !shown.has(route)),
      [],
    );
  });

  it('in an address run nowhere', async () => {
    const page = await open('/');
    for (const [path, names] of Object.entries(PARAMETERS)) {
      for (const name of names) {
        await page.goto(`${admin.url}${addressOf(path, name, RUNS)}`);
        await assertHarmless(page);
      }
    }
    browser.expectProblems(/ with a status of 40[04]/);
  });

  it('in a form come back as they were sent, and run nowhere', async () => {
    const page = await open('/sources/new?view=xyz_incident');
    for (const field of await page
      .locator('.fields :is(input:not([type=hidden], [type=checkbox]), textarea)')
      .all())
      await field.fill(RUNS);
    await clickThrough(page.getByRole('button', { name: 'Check' }));
    await assertHarmless(page);
    assert.equal(await page.locator('textarea').first().inputValue(), RUNS);

    await page.goto(`${admin.url}/sources/import`);
    await page.getByLabel('Or its content').fill(RUNS);
    await clickThrough(page.getByRole('button', { name: 'Show what will happen' }));
    await assertHarmless(page);
    assert.equal(await page.getByLabel('Or its content').inputValue(), RUNS);

    await page.goto(`${admin.url}/views/pmr_project/keys`);
    await page.getByLabel('Keys').fill(RUNS);
    await clickThrough(page.getByRole('button', { name: 'Show what will happen' }));
    await assertHarmless(page);
    assert.match(await page.locator('main').innerText(), /These are no keys of the view/);

    await page.goto(`${admin.url}/views/pmr_project/pause`);
    await page.getByLabel('Why (optional)').fill(RUNS);
    await clickThrough(page.getByRole('button', { name: 'Pause' }));
    await assertHarmless(page);
    assert.ok((await page.locator('main').innerText()).includes(RUNS), 'the reason is shown');
    browser.expectProblems(/ with a status of 400/);
  });

  it('in an address are answered with a page, and change nothing', async () => {
    const operator = new AdminClient(() => admin.on.dependencies);
    const before = await digest();
    for (const [path, names] of Object.entries(PARAMETERS)) {
      const texts = [...HOSTILE, ...OUT_OF_RANGE];
      for await (const { address, status } of askWith(operator, path, { names, texts })) {
        assert.ok([200, 400, 404].includes(status), `${address}: ${status}`);
      }
    }
    assert.deepEqual(await digest(), before);
  });

  /** All that the control database has, by table. The lookup of a row adds to `job_usage` what its query billed. */
  const digest = async (): Promise<unknown> => {
    const { rows } = await admin.on.control.query(`
      select table_name, md5(query_to_xml('select t::text from etl.' || table_name || ' t order by 1', true, false, '')::text)
      from information_schema.tables where table_schema = 'etl' and table_type = 'BASE TABLE' and table_name <> 'job_usage'
      order by 1`);
    return rows;
  };
});

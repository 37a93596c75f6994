import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { clickThrough } from './click-through.ts';
import { useFilledPages } from './use-pages.ts';

describe('without JavaScript', () => {
  const pages = useFilledPages();
  const { admin, browser } = pages;

  const open = (path: string): Promise<Page> => pages.open(path, { javaScriptEnabled: false });
  const pathOf = (page: Page): string => page.url().slice(admin.url.length);
  const follow = async (page: Page, name: string): Promise<void> => {
    await clickThrough(page.getByRole('link', { name, exact: true }).first());
  };
  const press = async (page: Page, name: string): Promise<void> => {
    await clickThrough(page.getByRole('button', { name, exact: true }));
  };
  const ids = async (page: Page): Promise<string[]> => await page.locator('tbody th a').allInnerTexts();

  it('times are in UTC, and say so', async () => {
    const page = await open('/');
    assert.match(
      await page.locator('tbody time').first().innerText(),
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/,
    );
  });

  it('the menu leads to every place', async () => {
    const page = await open('/');
    const places = page.getByRole('navigation', { name: 'Main' }).getByRole('link');
    for (const place of await places.allInnerTexts()) {
      await clickThrough(places.filter({ hasText: place }));
      assert.equal(await page.locator('[aria-current=page]').innerText(), place);
    }
  });

  it('transactions are filtered, searched by number, and shown page by page', async () => {
    const page = await open('/transactions');
    await page.getByRole('combobox', { name: 'View' }).selectOption('pmr_halted');
    await page.getByRole('combobox', { name: 'State' }).selectOption('applied');
    await press(page, 'Filter');
    assert.equal(pathOf(page), '/transactions?view=pmr_halted&state=applied');
    const first = await ids(page);
    assert.equal(first.length, 50);
    await follow(page, 'Older');
    const second = await ids(page);
    assert.equal(second.length, 45);
    assert.deepEqual(new Set([...first, ...second]).size, 95);
    await follow(page, 'Newer');
    assert.deepEqual(await ids(page), first);
    await follow(page, 'Remove the filter State');
    assert.equal(pathOf(page), '/transactions?view=pmr_halted');
    await page.getByRole('textbox', { name: 'Number' }).fill(` #${second[3]} `);
    await press(page, 'Go to');
    assert.equal(pathOf(page), `/transactions/${second[3]}`);
  });

  it('charts have their values in tables', async () => {
    const page = await open('/views/pmr_halted');
    const values = page.locator('.chart details').first();
    await values.locator('summary').click();
    assert.match(await values.locator('tbody').innerText(), /UTC\s+1,0\d\d\s/);
    await follow(page, '7 days');
    assert.match(await page.locator('#activity').innerText(), /7 days/);
  });

  it('a row is looked up', async () => {
    const page = await open('/views/pmr_project');
    await page.getByLabel('Key (project_id)').fill('2');
    await press(page, 'Look up');
    assert.match(await page.locator('.verdict').innerText(), /on its way 2 columns differ/);
  });

  it('the menu of a view leads to its actions, which show what they would do and do it', async () => {
    await admin.on.mailboxes.extract.take();
    const page = await open('/views/pmr_project');
    await page.getByText('More', { exact: true }).click();
    await follow(page, 'Fetch keys again');
    await page.getByLabel('Keys').fill('1\n3');
    await press(page, 'Show what will happen');
    assert.match(await page.locator('main').innerText(), /In the view\s+2/);
    await page.getByLabel('Why (optional)').fill('they differ');
    await press(page, 'Fetch these keys');
    assert.match(
      await page.getByRole('status').first().innerText(),
      /Extract is asked to queue these keys of pmr_project/,
    );
    await follow(page, 'Entry in the audit');
    assert.match(await page.locator('main').innerText(), /they differ/);
    assert.equal((await admin.on.mailboxes.extract.take()).length, 1);
  });

  it('failures are filtered and resolved with a note', async () => {
    const page = await open('/failures');
    await page.getByRole('combobox', { name: 'Kind' }).selectOption('warehouse');
    await press(page, 'Filter');
    const group = page.locator('.cases > li');
    assert.equal(await group.count(), 1);
    await group.getByText('Resolve 3 failures…').click();
    await group.getByLabel('Why (is recorded)').last().fill('the quota is raised');
    await clickThrough(group.getByRole('button', { name: 'Resolve 3 failures' }));
    assert.match(await page.getByRole('status').innerText(), /3 failures were resolved/);
  });

  it('a check shows its rows by reason, and their values', async () => {
    const page = await open('/consistency?view=pmr_project');
    await clickThrough(page.locator('section[aria-labelledby=history] tbody th a').first());
    await follow(page, 'bypassed the log');
    await page.locator('#rows').waitFor();
    await page.locator('section[aria-labelledby=rows] summary').first().click();
    assert.ok(await page.locator('table.values').first().isVisible());
  });

  it('a view source is checked and saved', async () => {
    const page = await open('/sources');
    await clickThrough(page.locator('tr', { hasText: 'pmr_project' }).getByRole('link', { name: 'Edit' }));
    await page.getByLabel('Recheck seconds').fill('120');
    await press(page, 'Check');
    assert.match(
      await page.locator('section[aria-labelledby=changes]').innerText(),
      /recheck_seconds\s+0\s+120/,
    );
    await press(page, 'Save');
    assert.equal(pathOf(page), '/views/pmr_project');
    assert.match(await page.locator('main').innerText(), /Fetched once more\s+after 2 min/);
  });

  it('a file is tried before it is imported', async () => {
    const page = await open('/sources/import');
    await page.getByLabel('Or its content').fill(JSON.stringify({ import: [{ name: 'pmr_project' }] }));
    await press(page, 'Show what will happen');
    assert.match(await page.getByRole('alert').innerText(), /Nothing was stored/);
    browser.expectProblems(/ with a status of 400/);
  });

  it('a day of the report is chosen, and the audit filtered', async () => {
    const page = await open('/report');
    await page.locator('input[name=day]').fill('2026-01-02');
    await press(page, 'Go to');
    assert.equal(pathOf(page), '/report/2026-01-02');
    await page.goto(`${admin.url}/audit`);
    await page.getByLabel('Who').fill('otto@example.com');
    await press(page, 'Filter');
    assert.equal(pathOf(page), '/audit?by=otto%40example.com');
    assert.equal(await page.locator('tbody tr').count(), 1);
  });
});

import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { assertAccessible } from './assert-accessible.ts';
import { usePages } from './use-pages.ts';

const PAUSE = '/views/pmr_project/pause';

describe('times in forms', () => {
  const { admin, open } = usePages();
  const pausedUntil = async (): Promise<string> =>
    (
      await admin.on.control.query(`select paused_until from etl.view_source where name = 'pmr_project'`)
    ).rows[0].paused_until.toISOString();
  /** Sends the filters, and returns those of the address that they lead to. */
  const filter = async (page: Page, from: RegExp): Promise<Record<string, string>> => {
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.waitForURL(from);
    return Object.fromEntries(new URL(page.url()).searchParams);
  };

  it('are those of the reader, and are sent in UTC', async () => {
    const page = await open(PAUSE);
    await page.getByLabel('Until (Europe/Berlin)').fill('2126-07-01T10:00');
    await page.getByRole('button', { name: 'Pause' }).click();

    const notice = page.getByRole('status').locator('time');
    assert.equal(await notice.textContent(), '1 Jul 2126, 10:00:00');
    assert.equal(await notice.getAttribute('title'), '2126-07-01 08:00 UTC');
    assert.equal(await pausedUntil(), '2126-07-01T08:00:00.000Z');
  });

  it('are in UTC without scripts, and the label says so', async () => {
    const page = await open(PAUSE, { javaScriptEnabled: false });
    await page.getByLabel('Until (UTC)').fill('2126-07-01T10:00');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('is paused until 2126-07-01 10:00 UTC').waitFor();
    assert.equal(await pausedUntil(), '2126-07-01T10:00:00.000Z');
  });

  for (const path of ['/transactions', '/audit']) {
    it(`filter ${path} by days of the reader, one of which has 23 hours`, async () => {
      const page = await open(path);
      await page.getByLabel('From (Europe/Berlin)').fill('2026-03-29');
      await page.getByLabel('To (Europe/Berlin)').fill('2026-03-29');
      const sent = { from: '2026-03-28T23:00:00.000Z', to: '2026-03-29T22:00:00.000Z' };
      assert.deepEqual(await filter(page, /from=2026-03-28/), sent);
      await page.reload();
      for (const label of ['From', 'To']) {
        assert.equal(await page.getByLabel(`${label} (Europe/Berlin)`).inputValue(), '2026-03-29');
      }
      await assertAccessible(page);

      await page.getByLabel('From (Europe/Berlin)').fill('2026-03-28');
      assert.deepEqual(await filter(page, /from=2026-03-27/), { ...sent, from: '2026-03-27T23:00:00.000Z' });
      await page.goBack();
      assert.equal(await page.getByLabel('From (Europe/Berlin)').inputValue(), '2026-03-29');
    });
  }

  it('stay as they are if nobody changes them, in the hour that comes twice, too', async () => {
    const page = await open('/views/pmr_project/recheck?since=2026-10-25T01:30:45Z');
    assert.equal(await page.getByLabel('Since (Europe/Berlin)').inputValue(), '2026-10-25T02:30');
    await page.getByRole('button', { name: 'Show again' }).click();
    await page.waitForURL(/since=2026-10-25T01%3A30%3A45.000Z/);
    await page.getByLabel('Since (Europe/Berlin)').fill('2026-10-25T02:31');
    await page.getByRole('button', { name: 'Show again' }).click();
    await page.waitForURL(/since=2026-10-25T00%3A31%3A00.000Z/);
  });
});

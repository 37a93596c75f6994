import assert from 'node:assert/strict';
import type { BrowserContextOptions } from 'playwright-core';
import { useFilledPages } from './use-pages.ts';

/** The same moment for readers of several places; in UTC it is 23:30:05 on 30 June. */
const READERS: [reader: BrowserContextOptions, time: string][] = [
  [{ locale: 'en-GB', timezoneId: 'Europe/Berlin' }, '1 Jul 2025, 01:30:05'],
  [{ locale: 'de-DE', timezoneId: 'Europe/Berlin' }, '01.07.2025, 01:30:05'],
  [{ locale: 'en-US', timezoneId: 'America/New_York' }, 'Jun 30, 2025, 7:30:05 PM'],
  [{ locale: 'en-GB', timezoneId: 'Asia/Kathmandu' }, '1 Jul 2025, 05:15:05'],
];

const PAGES = [
  '/',
  '/transactions',
  '/failures',
  '/consistency',
  '/report',
  '/sources',
  '/audit',
  '/views/pmr_halted',
  '/views/pmr_project',
];

describe('times and numbers', () => {
  const { admin, open } = useFilledPages();

  before(async () => {
    await admin.on.control.query(
      `update etl.etl_transaction set started_at = '2025-06-30 23:30:05+00' where id = 1`,
    );
  });

  for (const [reader, time] of READERS) {
    it(`are written for a reader in ${reader.timezoneId} who reads ${reader.locale}, with UTC as title`, async () => {
      const page = await open('/transactions?to=2025-12-31', reader);
      const times = page.locator('tbody time');
      assert.deepEqual(await times.allInnerTexts(), [time]);
      assert.equal(await times.getAttribute('title'), '2025-06-30 23:30:05 UTC');
    });
  }

  it('of today are written without the day', async () => {
    const page = await open('/sources', { timezoneId: 'UTC' });
    const { rows } = await admin.on.control.query(
      `select to_char(imported_at at time zone 'UTC', 'HH24:MI:SS') as "time", imported_at::date = now()::date as "isToday"
       from etl.view_source where name = 'pmr_project'`,
    );
    const shown = await page.locator('tr', { hasText: 'pmr_project' }).locator('time').innerText();
    assert.ok(rows[0].isToday ? shown === rows[0].time : shown.endsWith(rows[0].time), shown);
  });

  for (const path of PAGES) {
    it(`have UTC as title and grouped digits: ${path}`, async () => {
      const page = await open(path);
      for (const [title, dateTime] of await page
        .locator('time')
        .evaluateAll((all) => all.map((each) => [each.title, each.dateTime] as [string, string]))) {
        assert.equal(title, `${dateTime.slice(0, 10)} ${dateTime.slice(11, 19)} UTC`);
      }
      const numbers = await page
        .locator('.number, .card dd')
        .evaluateAll((all) => all.map(({ textContent }) => String(textContent)));
      assert.deepEqual(
        numbers.filter((text) => /\d{4}/.test(text.replace(/batch \d+/, ''))),
        [],
      );
    });
  }
});

import assert from 'node:assert/strict';
import { assertAccessible } from './assert-accessible.ts';
import { BY, useAdmin } from './use-admin.ts';
import { useBrowser } from './use-browser.ts';

describe('the page of the operators in a browser', () => {
  const admin = useAdmin();
  const browser = useBrowser();

  it('shows the views, and is accessible', async () => {
    const page = await browser.open(admin.url, { by: BY.operator });
    assert.match(await page.title(), /Overview/);
    await assertAccessible(page);
  });
});

import type { Locator } from 'playwright-core';

/** Clicks a link or a button, and waits for the page that it leads to. */
export async function clickThrough(target: Locator): Promise<void> {
  const page = target.page();
  await Promise.all([page.waitForEvent('framenavigated'), target.click()]);
  await page.waitForLoadState();
}

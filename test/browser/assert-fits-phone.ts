import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';

const PHONE = { width: 390, height: 844 };

/** Fails if the page is wider than a phone, naming what reaches beyond its edge. Tables scroll by themselves. */
export async function assertFitsPhone(page: Page): Promise<void> {
  const before = page.viewportSize() ?? PHONE;
  await page.setViewportSize(PHONE);
  // The script draws the charts anew.
  await page
    .locator(':root')
    .evaluate((root) => new Promise((done) => root.ownerDocument.defaultView.requestAnimationFrame(done)));
  const { width, beyond } = await page.locator(':root').evaluate((root) => ({
    width: root.scrollWidth,
    beyond: [...root.querySelectorAll('body *')]
      .filter(
        (each) =>
          each.getBoundingClientRect().right > root.clientWidth + 1 && each.closest('.scroll, pre') === null,
      )
      .map((each) => each.outerHTML.slice(0, 120)),
  }));
  assert.ok(width <= PHONE.width, `${page.url()} is ${width} wide: ${beyond.join('\n')}`);
  await page.setViewportSize(before);
}

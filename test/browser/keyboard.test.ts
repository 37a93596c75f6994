import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { useFilledPages } from './use-pages.ts';

describe('the keyboard alone', () => {
  const { admin, open } = useFilledPages();

  /** Presses Tab until the element has the focus. */
  const tabTo = async (page: Page, name: string): Promise<void> => {
    const focused = page.locator(':focus');
    for (let tabs = 0; tabs < 200; tabs += 1) {
      await page.keyboard.press('Tab');
      if ((await focused.innerText()).trim() === name) return;
    }
    assert.fail(`Tab never reaches "${name}"`);
  };

  it('skips the navigation', async () => {
    const page = await open('/');
    await page.keyboard.press('Tab');
    const skip = page.getByRole('link', { name: 'Skip to the content' });
    assert.ok(await skip.evaluate((link) => link.matches(':focus')));
    const box = await skip.boundingBox();
    assert.ok(box !== null && box.x >= 0 && box.y >= 0, 'the link is in sight');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.ok(await page.locator('#main :focus').isVisible(), 'the next focus is within the content');
  });

  for (const path of ['/', '/transactions', '/views/pmr_project', '/failures', '/views/pmr_project/source']) {
    it(`reaches all that a pointer does, in its order, and shows where it is: ${path}`, async () => {
      const page = await open(path);
      const reachable = await page
        .locator('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')
        .evaluateAll((all) => {
          const shown = all.filter((each) => each.checkVisibility());
          shown[0].ownerDocument.defaultView.reachable = shown;
          return shown.length;
        });
      assert.ok(reachable > 10);
      for (let n = 0; n < reachable; n += 1) {
        await page.keyboard.press('Tab');
        const found = await page.locator(':root').evaluate((root) => {
          const { activeElement: element, defaultView } = root.ownerDocument;
          const { outlineStyle, outlineWidth } = defaultView.getComputedStyle(element);
          const { top, bottom } = element.getBoundingClientRect();
          return {
            nth: Number(defaultView.reachable.indexOf(element)),
            outline: `${outlineStyle} ${outlineWidth}`,
            isInSight: bottom > 0 && top < root.clientHeight,
          };
        });
        // A field for a date has several stops, of which the last is its button.
        if (found.nth === n - 1) n -= 1;
        else assert.deepEqual(found, { nth: n, outline: 'solid 2px', isInSight: true });
      }
    });
  }

  it('opens what is folded, and leads to every action', async () => {
    const page = await open('/views/pmr_project');
    await tabTo(page, 'More');
    const menu = page.getByRole('link', { name: 'Forget the view' });
    assert.ok(!(await menu.isVisible()));
    await page.keyboard.press('Enter');
    await tabTo(page, 'Forget the view');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/views/pmr_project/forget');
  });

  it('acts: pauses a view with a reason', async () => {
    const page = await open('/views/pmr_project/pause');
    const why = page.getByLabel('Why (optional)');
    while (!(await why.evaluate((field) => field.matches(':focus')))) await page.keyboard.press('Tab');
    await page.keyboard.type('maintenance');
    await tabTo(page, 'Pause');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/views/pmr_project');
    const notice = await page.getByRole('status').first().innerText();
    assert.match(notice, /pmr_project is paused until somebody resumes it/);
    const { rows } = await admin.on.control.query(
      `select paused_reason from etl.view_source where name = 'pmr_project'`,
    );
    assert.deepEqual(rows, [{ paused_reason: 'maintenance' }]);
  });

  it('opens the confirmation of a failure, and resolves it', async () => {
    const page = await open('/failures');
    await tabTo(page, 'Resolve 1 failure…');
    await page.keyboard.press('Space');
    await page.keyboard.press('Tab');
    await page.keyboard.type('seen');
    await page.keyboard.press('Enter');
    await page.getByText('1 failure was resolved.').waitFor();
  });
});

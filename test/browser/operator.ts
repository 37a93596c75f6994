import type { Locator, Page } from 'playwright-core';

/** Long enough for a batch or a check on a busy machine. */
const PATIENCE_MS = 280_000;
/** A reload costs the machine more than the batch that is waited for. */
const LOOK_AGAIN_MS = 1000;

/** An operator before an open page: finds what there is by its role and name, clicks and types. */
export class Operator {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(PATIENCE_MS);
  }

  follow(link: string): Promise<void> {
    return this.page.getByRole('link', { name: link, exact: true }).first().click();
  }

  press(button: string): Promise<void> {
    return this.page.getByRole('button', { name: button, exact: true }).click();
  }

  /** The first field whose label has this text. */
  field(label: string): Locator {
    return this.page.locator('input, textarea').and(this.page.getByLabel(label)).first();
  }

  type(label: string, text: string): Promise<void> {
    return this.field(label).fill(text);
  }

  see(text: string | RegExp): Promise<void> {
    return this.page.getByText(text).first().waitFor();
  }

  /** The row of a table that has such a head. */
  row(head: string): Locator {
    return this.page
      .getByRole('row')
      .filter({ has: this.page.getByRole('rowheader').getByText(head, { exact: true }) });
  }

  /** Reloads the page until something is there. */
  async reloadUntil(wanted: Locator): Promise<void> {
    const deadlineMs = Date.now() + PATIENCE_MS;
    while (!(await wanted.first().isVisible())) {
      if (Date.now() > deadlineMs) throw new Error(`${wanted} does not appear on ${this.page.url()}`);
      await this.page.waitForTimeout(LOOK_AGAIN_MS);
      await this.page.reload();
    }
  }
}

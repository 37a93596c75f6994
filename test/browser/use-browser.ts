import assert from 'node:assert/strict';
import packed from '@sparticuz/chromium';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';

/** The package of Chromium is for this platform alone. */
export const IS_PACKED = process.platform === 'linux' && process.arch === 'x64';

/** A reader in Berlin, so that a time in UTC is seen to be one. */
const READER = { locale: 'en-GB', timezoneId: 'Europe/Berlin', viewport: { width: 1280, height: 900 } };

export type OpenBrowser = {
  /** Opens a page of `url` as a reader with cookies of their own. `by` is the `Authorization` header, if the page asks for one. */
  open: (url: string, options?: BrowserContextOptions & { by?: string }) => Promise<Page>;
  /** What the readers of this test have seen go wrong so far; a test that expects some takes it, and the others must leave none. */
  takeProblems: () => string[];
  /** Takes the problems of this form, such as answers with a certain status, which Chromium reports. Others stay. */
  expectProblems: (form: RegExp) => void;
};

/**
 * A browser for the tests of a `describe`. A test fails if one of its pages has an error in a script or in the console (also one of the content security
 * policy), asks another host for anything, or opens a dialog.
 */
export function useBrowser(): OpenBrowser {
  let browser: Browser;
  const contexts: BrowserContext[] = [];
  let problems: string[] = [];
  const takeProblems = () => problems.splice(0);
  const expectProblems = (form: RegExp) => {
    problems = problems.filter((problem) => !form.test(problem));
  };

  before(async () => {
    browser = await launch();
  });
  beforeEach(() => {
    problems = [];
  });
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
    assert.deepEqual(problems, []);
  });
  after(() => browser.close());

  const open: OpenBrowser['open'] = async (url, { by, ...options } = {}) => {
    const context = await browser.newContext({
      ...READER,
      ...(by !== undefined && { extraHTTPHeaders: { authorization: by } }),
      ...options,
    });
    contexts.push(context);
    context.on('weberror', (error) => problems.push(`error: ${error.error().message}`));
    context.on('console', (message) => {
      if (message.type() === 'error') problems.push(`console: ${message.text()}`);
    });
    context.on('dialog', (dialog) => {
      problems.push(`dialog: ${dialog.message()}`);
      dialog.dismiss().catch((error: unknown) => problems.push(`dialog: ${error}`));
    });
    const { host } = new URL(url);
    context.on('request', (request) => {
      if (new URL(request.url()).host !== host) problems.push(`request to ${request.url()}`);
    });
    const page = await context.newPage();
    await page.goto(url);
    return page;
  };
  return { open, takeProblems, expectProblems };
}

/** Starts the Chromium that npm has installed; on other platforms than Linux on x64, the Chrome of the machine. */
export async function launch(): Promise<Browser> {
  if (!IS_PACKED) return await chromium.launch({ channel: 'chrome' });
  // Containers seldom let a process make a sandbox, and the pages are our own.
  return await chromium.launch({ executablePath: await packed.executablePath(), args: ['--no-sandbox'] });
}

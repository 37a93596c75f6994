import type { BrowserContextOptions, Page } from 'playwright-core';
import { STREAMED_ENTRY } from '../support/installation.ts';
import type { InstallationOptions } from '../support/stack.ts';
import { fillInstallation } from './fill-installation.ts';
import { BY, type OpenAdmin, useAdmin } from './use-admin.ts';
import { type OpenBrowser, useBrowser } from './use-browser.ts';

type OpenPages = {
  admin: OpenAdmin;
  browser: OpenBrowser;
  /** Opens the page at a path as an operator, unless `by` is somebody else. */
  open: (path: string, options?: BrowserContextOptions & { by?: string }) => Promise<Page>;
};

/** The pages of an installation of its own, and a browser, for the tests of a `describe`. */
export function usePages(options: InstallationOptions = {}): OpenPages {
  const admin = useAdmin(options);
  const browser = useBrowser();
  return {
    ...{ admin, browser },
    open: (path, reader = {}) => browser.open(`${admin.url}${path}`, { by: BY.operator, ...reader }),
  };
}

/** The pages of an installation with a past. */
export function useFilledPages(): OpenPages {
  const pages = usePages({ views: [STREAMED_ENTRY] });
  before(() => fillInstallation(pages.admin.on));
  return pages;
}

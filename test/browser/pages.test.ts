import assert from 'node:assert/strict';
import type { APIResponse, Page } from 'playwright-core';
import { CSRF_FIELD, csrfToken } from '../../functions/admin/access/csrf.ts';
import { createApp } from '../../functions/admin/app.ts';
import { importConfiguration } from '../../shared/operations/import-configuration.ts';
import { VIEWER } from '../support/admin-access.ts';
import { ENTRIES, STREAMED_ENTRY } from '../support/installation.ts';
import { type Address, type Addresses, addressesIn, DOWNLOADS, FOR_OPERATORS } from './addresses.ts';
import { assertAccessible } from './assert-accessible.ts';
import { assertFitsPhone } from './assert-fits-phone.ts';
import { fillInstallation, SECRET } from './fill-installation.ts';
import { BY, startAdmin, useAdmin } from './use-admin.ts';
import { useBrowser } from './use-browser.ts';

const EMPTY = [
  '/',
  '/transactions',
  '/failures',
  '/consistency',
  '/report',
  '/sources',
  '/audit',
  '/sources/new',
  '/sources/import',
];

/** Every route of the app; nothing is asked of it. */
const ROUTES = createApp(() => Promise.reject(new Error('no request is made'))).routes;
const pathsOf = (method: string): string[] => [
  ...new Set(
    ROUTES.filter((route) => route.method === method && !route.path.startsWith('/assets')).map(
      ({ path }) => path,
    ),
  ),
];

/** A search by key is for operators, too: keys are values of rows. */
const visibleToAll = (addresses: Addresses): Address[] =>
  Object.entries(addresses)
    .filter(([route]) => !FOR_OPERATORS.includes(route))
    .flatMap(([, each]) => each.filter(({ path }) => !path.includes('key=')));

/** A refusal is a plain page: it has no navigation, and nothing of the installation. */
async function assertRefused(response: APIResponse, reason: string, status = 403): Promise<void> {
  const html = await response.text();
  assert.equal(response.status(), status, response.url());
  assert.ok(html.includes(reason), `${response.url()}: ${html}`);
  assert.doesNotMatch(html, /<nav|<form|pmr_/, response.url());
}

describe('the pages of admin in a browser', () => {
  const admin = useAdmin({ views: [STREAMED_ENTRY] });
  const browser = useBrowser();

  const open = async (page: Page, path: string, status = 200): Promise<void> => {
    const response = await page.goto(`${admin.url}${path}`);
    assert.equal(response?.status(), status, path);
  };
  /** Both colour schemes, and a phone. */
  const assertReadable = async (page: Page): Promise<void> => {
    await assertAccessible(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await assertAccessible(page, ['color-contrast']);
    await page.emulateMedia({ colorScheme: 'light' });
    await assertFitsPhone(page);
  };

  /** How much operators have asked for. */
  const audited = async () => (await admin.on.control.query('select count(*)::int as n from etl.audit')).rows;

  describe('of an empty installation', () => {
    before(() => admin.on.control.query('delete from etl.view_source'));
    after(() => importConfiguration({ entries: [...ENTRIES, STREAMED_ENTRY] }, admin.on.dependencies));

    for (const by of ['operator', 'viewer'] as const) {
      it(`are accessible in both colour schemes and fit a phone, for ${by}s`, async () => {
        const page = await browser.open(admin.url, { by: BY[by] });
        for (const path of EMPTY.slice(0, by === 'operator' ? undefined : -2)) {
          await open(page, path);
          await assertReadable(page);
        }
      });
    }
  });

  describe('of an installation with a past', () => {
    let addresses: Addresses;
    before(async () => {
      await fillInstallation(admin.on);
      addresses = await addressesIn(admin.on);
    });

    it('are all visited', () => {
      assert.deepEqual([...Object.keys(addresses), ...DOWNLOADS].toSorted(), pathsOf('GET').toSorted());
    });

    for (const route of pathsOf('GET').filter((path) => !DOWNLOADS.includes(path))) {
      it(`are accessible in both colour schemes and fit a phone: ${route}`, async () => {
        const page = await browser.open(admin.url, { by: BY.operator });
        for (const { path, status } of addresses[route] ?? []) {
          await open(page, path, status);
          await assertReadable(page);
        }
        browser.expectProblems(/ with a status of 40[04]/);
      });
    }

    it('show a viewer no value of a row and nothing to do, and lead nowhere that is refused', async () => {
      const page = await browser.open(admin.url, { by: BY.viewer });
      const links = new Set<string>();
      for (const { path, status } of visibleToAll(addresses)) {
        await open(page, path, status);
        assert.ok(!(await page.content()).includes(SECRET), path);
        assert.equal(await page.locator('form[method=post]').count(), 0, path);
        const found = page.locator('a[href^="/"]').evaluateAll((all) => all.map(({ href }) => String(href)));
        for (const link of await found) links.add(link);
      }
      browser.expectProblems(/ with a status of 40[04]/);
      for (const link of links) {
        const response = await page.request.get(link, { maxRedirects: 0 });
        assert.ok(response.status() < 400, `${link} answers ${response.status()}`);
      }
    });

    it('refuse a viewer whatever is for operators, with a plain page', async () => {
      const page = await browser.open(admin.url, { by: BY.viewer });
      const [cookie] = await page.context().cookies();
      const form = { [CSRF_FIELD]: csrfToken(cookie?.value ?? '', VIEWER), why: 'x', step: 'save' };
      const [before] = await Promise.all([audited(), admin.on.mailboxes.extract.take()]);
      for (const path of FOR_OPERATORS.flatMap((route) => addresses[route] ?? []).map(({ path }) => path)) {
        await assertRefused(await page.request.get(`${admin.url}${path}`), 'may look but not act');
      }
      for (const route of pathsOf('POST')) {
        const path = addresses[route]?.[0]?.path ?? route;
        await assertRefused(await page.request.post(`${admin.url}${path}`, { form }), 'may look but not act');
      }
      assert.deepEqual([await audited(), await admin.on.mailboxes.extract.take()], [before, []]);
    });

    it('refuse a stranger everything with 403, and whoever is not signed in with 401', async () => {
      const page = await browser.open(`${admin.url}/assets/none`, { by: BY.stranger });
      for (const route of [...pathsOf('GET'), ...pathsOf('POST')]) {
        const url = `${admin.url}${addresses[route]?.[0]?.path ?? route}`;
        await assertRefused(await page.request.get(url), 'is neither an operator nor a viewer');
        await assertRefused(
          await page.request.get(url, { headers: { authorization: '' } }),
          'You are not signed in',
          401,
        );
      }
      for (const by of [BY.stranger, '']) {
        await page.setExtraHTTPHeaders({ authorization: by });
        await open(page, '/', by === '' ? 401 : 403);
        await assertReadable(page);
      }
      browser.expectProblems(/ with a status of 40[134]/);
    });
  });

  it('of a control database that does not answer say so, and are accessible', async () => {
    const nowhere = 'postgresql://control:hunter2@127.0.0.1:1/control';
    const broken = await startAdmin({ ...admin.on.parts.env, CONTROL_DATABASE_URL: nowhere });
    try {
      const page = await browser.open(broken.url, { by: BY.operator });
      assert.match(
        await page.locator('main').innerText(),
        /This page cannot be shown\s+.*control database.*Try again/s,
      );
      await assertReadable(page);
      browser.expectProblems(/ with a status of 503/);
    } finally {
      await broken.process.stop();
    }
  });
});

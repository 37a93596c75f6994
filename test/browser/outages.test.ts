import assert from 'node:assert/strict';
import { Severable } from '../support/severable.ts';
import { Operator } from './operator.ts';
import { useBrowser } from './use-browser.ts';
import { useRunningStack } from './use-running-stack.ts';

const VIEW = 'pmr_project';
const MISSING = /cannot be shown\.|could not be made\./;

describe('in a browser on the running stack, when a database is down:', () => {
  const ways: Severable[] = [];
  const stack = useRunningStack({
    reach: async (url) => {
      const way = await Severable.to(url);
      ways.push(way);
      return way.url;
    },
  });
  const browser = useBrowser();
  let operator: Operator;
  const source = () => ways[0] as Severable;
  const control = () => ways[1] as Severable;
  after(() => Promise.all(ways.map((way) => way.sever())));
  beforeEach(async () => {
    operator = new Operator(await browser.open(stack.adminUrl));
  });

  it('without the source every page works, and what needs the source says what is missing', async () => {
    const { page } = operator;
    await source().sever();
    try {
      await operator.reloadUntil(operator.row(VIEW).getByText('retrying'));
      const trouble = page.getByRole('listitem').filter({ hasText: `${VIEW} has failed` });
      assert.match(await trouble.innerText(), /source/);
      for (const place of [
        'Transactions',
        'Failures',
        'Consistency',
        'Daily report',
        'View sources',
        'Audit',
      ]) {
        await operator.follow(place);
        await page.getByRole('heading', { level: 1 }).waitFor();
        assert.doesNotMatch(await page.getByRole('main').innerText(), MISSING, place);
      }
      const shows = async (path: string, ...texts: RegExp[]) => {
        const answer = await page.goto(new URL(path, stack.adminUrl).href);
        assert.equal(answer?.status(), 200, `${path}: ${await page.innerText('body')}`);
        for (const text of texts) assert.match(await page.getByRole('main').innerText(), text);
      };
      await shows(`/views/${VIEW}`, /cannot be shown\./, /Latest transactions/);
      await shows(`/views/${VIEW}/row?key=1`, /The source cannot be shown\./, /Only one side was read\./);
      await shows(`/views/${VIEW}/run`, /could not be made\./, /You can do it nevertheless/);
      await shows(`/views/${VIEW}/reconcile`, /could not be made\./, /You can do it nevertheless/);
      await shows(`/views/${VIEW}/resync`, /could not be made\./, /You can do it nevertheless/);
      await shows(
        `/views/${VIEW}/keys?keys=1`,
        /could not be made\./,
        /This action needs what does not answer/,
      );
      await shows(`/views/${VIEW}/recheck?since=2026-01-01`, /This action needs what does not answer/);
      await shows('/sources/new', /The views of the source cannot be shown\./);
      await shows(`/views/${VIEW}/source`, /What the source offers cannot be shown\./);

      await shows(`/views/${VIEW}/pause`, /Nothing of the view is extracted or applied/);
      await operator.type('Why', 'its database is down');
      await operator.press('Pause');
      await operator.see(`${VIEW} is paused until somebody resumes it.`);
      await operator.follow('Resume');
      await operator.press('Resume');
      await operator.see(`${VIEW} runs again from the next tick on.`);
    } finally {
      await source().restore();
    }
    await operator.follow('Overview');
    await operator.reloadUntil(operator.row(VIEW).getByText('ok'));
  });

  it('without the control database a page says so with 503, and comes back with it', async () => {
    const { page } = operator;
    await control().sever();
    try {
      for (const path of ['/', '/transactions', `/views/${VIEW}`, '/sources/new']) {
        const answer = await page.goto(new URL(path, stack.adminUrl).href);
        assert.equal(answer?.status(), 503, path);
        await page.getByRole('heading', { name: 'This page cannot be shown' }).waitFor();
        await operator.see(/control database/);
      }
      assert.equal(browser.takeProblems().length, 4, 'the answers 503');
    } finally {
      await control().restore();
    }
    await operator.follow('Try again');
    await page.getByRole('heading', { name: 'New view source' }).waitFor();
    await operator.follow('Overview');
    await operator.reloadUntil(operator.row(VIEW).getByText('ok'));
  });

  it('a page that is open says that it is out of date, and brings itself up to date again', async () => {
    const { page } = operator;
    await page.clock.install();
    await operator.follow('Overview');
    await control().sever();
    try {
      await page.clock.fastForward(60_000);
      await page.locator('body.stale').waitFor();
    } finally {
      await control().restore();
    }
    browser.takeProblems();
    await page.clock.fastForward(60_000);
    await page.locator('body:not(.stale)').waitFor();
    browser.takeProblems();
  });
});

import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { followAdvice } from '../../support/follow-advice.ts';
import { type Installation, PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { constructionSites, type Site, siteOf } from './advice/construction-sites.ts';
import { PROJECT_VIEW, setProject, sql } from './advice/mistake.ts';
import { PROCESS_MISTAKES } from './advice/process-mistakes.ts';
import { REFUSALS } from './advice/refusals.ts';
import { SOURCE_MISTAKES } from './advice/source-mistakes.ts';
import { UNFOLLOWED } from './advice/unfollowed.ts';
import { WAREHOUSE_MISTAKES } from './advice/warehouse-mistakes.ts';

const MISTAKES = { ...SOURCE_MISTAKES, ...WAREHOUSE_MISTAKES, ...PROCESS_MISTAKES };

/** Where the errors were made whose advice was followed. */
const followed = new Set<string>();

/** Calls until the call fails, since the first extract after a change of the view only requests a resync. */
async function failureOf(call: () => Promise<unknown>): Promise<DataHubError> {
  for (let n = 0; n < 2; n += 1) {
    try {
      await call();
    } catch (error) {
      assert.ok(error instanceof DataHubError, String(error));
      followed.add(siteOf(error));
      return error;
    }
  }
  return assert.fail('nothing failed');
}

/** Applies the next batch of the view, or the one that is in flight. */
async function catchUp(on: Installation, view: string): Promise<void> {
  const extracted = await on.extract(view);
  if (extracted.outcome === 'resync requested') return await catchUp(on, view);
  assert.ok(
    extracted.outcome === 'staged' || extracted.outcome === 'republished',
    `expected a batch, got: ${JSON.stringify(extracted)}`,
  );
  const applied = await on.apply(extracted);
  assert.equal(applied.outcome, 'applied');
}

describe('the advice of a failure, followed literally, mends the view:', () => {
  const { on } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.source.add('app_incident', { id: 1, status: 'open' });
    for (const view of ['pmr_project', STREAMED_ENTRY.name]) await on.replicate(view);
  });

  for (const [
    title,
    { mistake, settings, whenApplied, staged, advice, byHand, view = 'pmr_project' },
  ] of Object.entries(MISTAKES)) {
    it(title, async () => {
      await on.source.change('app_project', 1, { name: 'two' });
      await on.source.change('app_incident', 1, { status: 'closed' });
      await staged?.(on);
      const batch = whenApplied ? await on.stage(view) : null;
      await mistake?.(on);
      const caller = async () => (settings === undefined ? on : await on.anotherProcess(settings(on)));
      const failure = await failureOf(async () =>
        batch === null ? (await caller()).extract(view) : on.apply(batch),
      );
      const [part] = advice.exec(failure.advice) ?? assert.fail(`${failure.message}\n${failure.advice}`);

      await byHand?.(on);
      await followAdvice(part, on, view);

      const mended = settings === undefined ? on : await on.anotherProcess();
      await catchUp(mended, view);
      await on.assertEqual(view);
      // The next change comes through as well.
      await on.source.change('app_project', 1, { name: 'three' });
      await on.source.change('app_incident', 1, { status: 'again' });
      await catchUp(mended, view);
      await on.assertEqual(view);
    });
  }

  const call = (payload: object) =>
    dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies);

  it('a value that BigQuery cannot hold: the policy that the advice writes', async () => {
    await on.source.change('app_project', 1, { opened: '-infinity' });
    const { advice } = await failureOf(() => on.extract());
    const [, policies = ''] = /"unrepresentable": (\{.*?\})\./.exec(advice) ?? assert.fail(advice);

    await setProject(on, { unrepresentable: JSON.parse(policies) });
    await followAdvice(advice.slice(advice.indexOf(policies) + policies.length), on, 'pmr_project');

    await on.replicate();
    assert.partialDeepStrictEqual(await on.visible(), [{ opened: null }]);
  });

  it('a view that stays away: create it again, then resume', async () => {
    await sql(on, 'drop view pmr_project');
    await assert.rejects(on.extract(), { kind: 'transient' });
    await on.control.query(`update etl.view_source set missing_since = now() - interval '1 hour'`);
    const { advice } = await failureOf(() => on.extract());
    const [followed] = /^Create the view again.*?\}/.exec(advice) ?? assert.fail(advice);

    await sql(on, `${PROJECT_VIEW}; grant select on pmr_project to reader`);
    await followAdvice(followed, on, 'pmr_project');

    await on.source.change('app_project', 1, { name: 'two' });
    await on.replicate();
    await on.assertEqual();
  });

  it('a wrong view source of an import: nothing of a view to resume', async () => {
    const entry = { ...PROJECT_ENTRY, name: 'pmr_projects', target_name: 'projects' };
    await assert.rejects(call({ import: [entry] }), { advice: /^Nothing was stored\./ });
    const answer = (await call({ import: [entry], dryRun: true })) as { findings?: { advice?: string }[] };
    const advices = (answer.findings ?? []).flatMap(({ advice }) => advice ?? []);
    assert.ok(advices.includes('Correct what the message names, then import again.'), advices.join('\n'));
    assert.doesNotMatch(advices.join(), /resume/);
  });

  for (const [title, { before, payload, advice, after }] of Object.entries(REFUSALS)) {
    it(title, async () => {
      await before?.(on);
      const failure = await failureOf(() => call(payload));
      const [part] = advice.exec(failure.advice) ?? assert.fail(`${failure.message}\n${failure.advice}`);

      const answer = after === undefined ? await followAdvice(part, on, 'pmr_project') : await call(after);

      assert.ok(answer);
    });
  }

  it('every place that makes an error has a test above, or a reason why it has none', async () => {
    const sites = await constructionSites();
    const reasonFor = (site: Site) =>
      UNFOLLOWED.find(([file, text]) => file === site.file && site.text.includes(text));

    const forgotten = sites.filter((site) => !followed.has(site.place) && reasonFor(site) === undefined);
    assert.deepEqual(
      forgotten.map(({ place }) => place),
      [],
      'follow their advice in a test',
    );
    const outdated = sites.filter((site) => followed.has(site.place) && reasonFor(site) !== undefined);
    assert.deepEqual(
      outdated.map(({ place }) => place),
      [],
      'remove the reason: there is a test',
    );
    const unknown = UNFOLLOWED.filter((reason) => !sites.some((site) => reasonFor(site) === reason));
    assert.deepEqual(unknown, [], 'these are no places that make an error');
  });
});

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dispatch } from '../../../functions/extract/extract.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { failBefore } from '../../emulators/faults.ts';
import { followAdvice } from '../../support/follow-advice.ts';
import { type Installation, PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { constructionSites, type Site, siteOf } from './advice/construction-sites.ts';
import { type Mistake, PROJECT_VIEW, setProject, sql } from './advice/mistake.ts';
import { PROCESS_MISTAKES } from './advice/process-mistakes.ts';
import { REFUSALS } from './advice/refusals.ts';
import { SOURCE_MISTAKES } from './advice/source-mistakes.ts';
import { UNFOLLOWED } from './advice/unfollowed.ts';
import { WAREHOUSE_MISTAKES } from './advice/warehouse-mistakes.ts';

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

/** Tests each mistake: makes it, meets the failure, follows its advice, and compares the target with the view. */
function testMistakes(on: Installation, mistakes: Record<string, Mistake>): void {
  for (const [title, tried] of Object.entries(mistakes)) {
    const { mistake, settings, whenApplied, staged, advice, byHand, view = 'pmr_project' } = tried;
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

      await byHand?.(on);
      await followAdvice(partOf(failure, advice), on, view);

      const mended = settings === undefined ? on : await on.anotherProcess();
      await catchUp(mended, view);
      if (tried.needsTick) await mended.extract(view);
      await on.assertEqual(view);
      // The next change comes through as well.
      await on.source.change('app_project', 1, { name: 'three' });
      await on.source.change('app_incident', 1, { status: 'again' });
      await catchUp(mended, view);
      await on.assertEqual(view);
    });
  }
}

/** The part of the advice that is followed. */
function partOf({ message, advice }: DataHubError, part: RegExp): string {
  return part.exec(advice)?.[0] ?? assert.fail(`${message}\n${advice}`);
}

const call = (on: Installation, payload: object) =>
  dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies);

describe('the advice of a failure, followed literally, mends the view:', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.source.add('app_incident', { id: 1, status: 'open' });
    for (const view of ['pmr_project', STREAMED_ENTRY.name]) await on.replicate(view);
  });

  testMistakes(on, WAREHOUSE_MISTAKES);

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
    const failure = await failureOf(() => on.extract());
    const part = partOf(failure, /^Create the view again.*?\}/);

    await sql(on, `${PROJECT_VIEW}; grant select on pmr_project to reader`);
    await followAdvice(part, on, 'pmr_project');

    await on.source.change('app_project', 1, { name: 'two' });
    await on.replicate();
    await on.assertEqual();
  });

  it('a wrong view source of an import: nothing of a view to resume', async () => {
    const entry = { ...PROJECT_ENTRY, name: 'pmr_projects', target_name: 'projects' };
    const { advice } = await failureOf(() => call(on, { import: [entry] }));
    assert.match(
      advice,
      /^Nothing was stored\. Correct what the message names, then send the import again\.$/,
    );
    const answer = (await call(on, { import: [entry], dryRun: true })) as {
      findings?: { advice?: string }[];
    };
    const advices = (answer.findings ?? []).flatMap(({ advice }) => advice ?? []);
    assert.ok(advices.includes('Correct what the message names, then import again.'), advices.join('\n'));
    assert.doesNotMatch(advices.join(), /resume/);
  });

  it('a right that the service account lacks: the grant', async () => {
    await on.source.change('app_project', 1, { name: 'two' });
    const refusals = Array.from({ length: 5 }, () => failBefore(403, 'accessDenied'));
    stack.bigquery.faults.next('bigquery.jobs.insert', ...refusals);
    const failure = await failureOf(() => on.extract());
    const part = partOf(failure, /Give the service account of the function the role.*/);

    stack.clearFaults();
    await followAdvice(part, on, 'pmr_project');

    await catchUp(on, 'pmr_project');
    await on.assertEqual();
  });

  it('a batch that is sent to the function of the other load type: to the right one', async () => {
    await on.source.change('app_incident', 1, { status: 'closed' });
    const batch = await on.stage(STREAMED_ENTRY.name);
    const failure = await failureOf(() => on.merge(batch));
    partOf(failure, /Send the same to the function stream/);

    assert.equal((await on.stream(batch)).outcome, 'applied');
    await on.assertIncidentsEqual();
  });

  it('a batch that does not exist: the one that the status shows', async () => {
    await on.source.change('app_project', 1, { name: 'two' });
    const batch = await on.stage();
    const failure = await failureOf(() => on.merge({ ...batch, etlTransactionId: '999' }));

    const status = await followAdvice(partOf(failure, /Call \{.*?\}/), on, 'pmr_project');

    const { views } = status as { views: { view: string; inFlight: { etlTransactionId: string } | null }[] };
    const shown = views.find(({ view }) => view === 'pmr_project')?.inFlight?.etlTransactionId;
    assert.equal((await on.merge({ ...batch, etlTransactionId: String(shown) })).outcome, 'applied');
  });
});

describe('the advice of a failure in the source or of a process, followed literally, mends the view:', () => {
  const { on } = useInstallation({ per: 'file' });

  before(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.source.add('app_incident', { id: 1, status: 'open' });
    await on.replicate();
  });

  beforeEach(() => setProject(on, {}));

  testMistakes(on, { ...PROCESS_MISTAKES, ...SOURCE_MISTAKES });
});

describe('the advice of a refused call, followed literally, gets it through:', () => {
  const { on } = useInstallation({ per: 'file', views: [STREAMED_ENTRY] });

  before(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.replicate();
  });

  for (const [title, { prepare, payload, advice, after }] of Object.entries(REFUSALS)) {
    it(title, async () => {
      await prepare?.(on);
      const part = partOf(await failureOf(() => call(on, payload)), advice);

      assert.ok(await (after === undefined ? followAdvice(part, on, 'pmr_project') : call(on, after)));
    });
  }
});

describe('advice', () => {
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
    for (const [, , why] of UNFOLLOWED) {
      for (const [file] of why.matchAll(/test\/\S+\.test\.ts/g)) assert.ok(existsSync(file), file);
    }
  });
});

import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { followAdvice } from '../../support/follow-advice.ts';
import { type Installation, PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

type Case = {
  /** What somebody did to the installation. */
  mistake?: (on: Installation) => Promise<unknown>;
  /** Whether the failure is met when a staged batch is applied, not by the next capture. */
  whenApplied?: true;
  /** The change that the staged batch carries, if any will not do. */
  staged?: (on: Installation) => Promise<unknown>;
  /** The part of the advice that is followed. */
  advice: RegExp;
  /** What a person must do before, since the advice leaves it to them. */
  byHand?: (on: Installation) => Promise<unknown>;
  view?: typeof STREAMED_ENTRY.name;
};

const sql = (on: Installation, text: string) => on.source.database.query(text);
const PROJECT_VIEW = `create or replace view pmr_project as
  select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
  from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`;
const setProject = (on: Installation, fields: Partial<typeof PROJECT_ENTRY>) =>
  importConfiguration({ entries: [{ ...PROJECT_ENTRY, ...fields }] }, on.dependencies);
const requestResync = (on: Installation) =>
  on.dependencies.control.viewStops.requestResync('pmr_project', { isWanted: true, acceptsDeletes: false });
/** What a first load of another control database does. */
const ofAnotherInstallation = (on: Installation, target: string) =>
  on.bigquery
    .dataset('SMartDataAnalytics')
    .table(target)
    .setMetadata({ labels: { smart_datahub_installation: '00000000-0000-4000-8000-000000000000' } });
const badShare = (on: Installation) => on.source.change('app_project', 1, { share: 'NaN' });

/** Each failure, with the only thing that mends it. */
const CASES: Record<string, Case> = {
  'a target with newer batch ids: redrive': {
    whenApplied: true,
    mistake: (on) => on.query(`update ${on.targetTable()} set etl_transaction_id = 999999 where true`),
    advice: /newer batch ids.* redrive the view/,
  },
  'a ledger with a newer batch: resync': {
    whenApplied: true,
    mistake: (on) =>
      on.query(`insert into ${on.ledger()} (view, etl_transaction_id, added, changed, deleted, applied_at)
        values ('pmr_project', 999999, 0, 0, 0, current_timestamp())`),
    advice: /newer batch.* resync the view/,
  },
  'a temp table with a row twice: redrive': {
    whenApplied: true,
    mistake: (on) => on.query(`insert into ${on.tempTable()} select * from ${on.tempTable()}`),
    advice: /temp table.* redrive the view/,
  },
  'a target that another installation took over: resync': {
    mistake: (on) => ofAnotherInstallation(on, 'project'),
    advice: /stop it; then send \{.*?\}/,
  },
  'a target that another installation took over before a staged batch was merged: resync': {
    whenApplied: true,
    mistake: (on) => ofAnotherInstallation(on, 'project'),
    advice: /stop it; then send \{.*?\}/,
  },
  'a target that another installation took over before a staged batch was streamed: resync': {
    view: STREAMED_ENTRY.name,
    whenApplied: true,
    mistake: (on) => ofAnotherInstallation(on, 'incident'),
    advice: /stop it; then send \{.*?\}/,
  },
  'a ledger that lost its rows: resync': {
    whenApplied: true,
    mistake: (on) => on.query(`delete from ${on.ledger()} where true`),
    advice: /Or resync every merged view/,
  },
  'a ledger that is gone: resync': {
    mistake: (on) => on.query(`drop table ${on.ledger()}`),
    advice: /Or resync every merged view/,
  },
  'a target that is gone: resync': {
    mistake: (on) => on.query(`drop table ${on.targetTable()}`),
    advice: /Or resync the view/,
  },
  'a target with a column of somebody else: drop it, then resume': {
    mistake: (on) => on.query(`alter table ${on.targetTable()} add column comment string`),
    advice: /run: alter table .* drop column `comment`; Then resume the view/,
  },
  'another table in the place of the target: drop it, then resync': {
    mistake: (on) =>
      on.query(
        `create or replace table ${on.targetTable()} cluster by project_id as select 1 as project_id, 'x' as name, false as is_deleted, 1 as etl_transaction_id`,
      ),
    advice: /Or run: drop table .* resync the view/,
  },
  'a streamed target that is gone: resync': {
    view: STREAMED_ENTRY.name,
    mistake: (on) => on.query(`drop table ${on.targetTable('incident')}`),
    advice: /resync the view/i,
  },
  'a table that cannot be read: the grant that it names': {
    mistake: (on) => sql(on, 'revoke select on app_project from reader'),
    advice: /Run in the source.*resume the view/,
  },
  'a view that cannot be read: the grant that it names': {
    mistake: (on) => sql(on, 'revoke select on pmr_project from reader'),
    advice: /Run in the source.*resume the view/,
  },
  'a key twice in the view: change the view, then resume': {
    mistake: (on) =>
      sql(on, `${PROJECT_VIEW} union all select id, name, null, share, opened, updated_at from app_project`),
    byHand: (on) => sql(on, PROJECT_VIEW),
    advice: /Change the view.*/,
  },
  'a value that BigQuery cannot hold: correct the row, then resume': {
    mistake: badShare,
    byHand: (on) => sql(on, 'update app_project set share = 1 where id = 1'),
    advice: /Then send \{.*/,
  },
  'a view that was replaced, and halts: the payload': {
    mistake: async (on) => {
      await setProject(on, { view_changes: 'halt' });
      await sql(on, PROJECT_VIEW.replace('p.name', 'upper(p.name) as name'));
    },
    advice: /\{"view":"pmr_project","resync":true\}/,
  },
  'a view that lost its columns, and freezes them: give them back, then resume': {
    mistake: async (on) => {
      await setProject(on, { column_changes: 'freeze' });
      await sql(on, `${PROJECT_VIEW.replace('p.updated_at', 'p.updated_at, p.remark')}`);
      await on.extract();
    },
    byHand: async (on) => {
      await sql(on, `drop view pmr_project; ${PROJECT_VIEW}; grant select on pmr_project to reader`);
    },
    advice: /Give the view its former columns.*? resume it/,
  },
  'a log that was restored: resync': {
    mistake: (on) =>
      sql(
        on,
        `delete from models_logging_change; alter sequence models_logging_change_id_seq restart with 1;
        insert into models_logging_change (object_id, content_type_id, action) values ('1', 7, 'changed')`,
      ),
    advice: /Resync the view/,
  },
  'a log that was pruned too far: resync': {
    mistake: (on) => sql(on, 'delete from models_logging_change'),
    advice: /Resync the view/,
  },
  'a sequence that was set back: the statement, then resync': {
    mistake: (on) => sql(on, `select setval('models_logging_change_id_seq', 1)`),
    advice: /Run: select setval\('models_logging_change_id_seq', \d+\); Then resync the view/,
  },
  'log rows with ids that the sequence did not draw: the statement, then resync': {
    mistake: (on) =>
      sql(
        on,
        `insert into models_logging_change (id, object_id, content_type_id, action) values (5001, '1', 7, 'changed')`,
      ),
    advice: /Run: select setval\('models_logging_change_id_seq', 5001\); Then resync the view/,
  },
  'a sequence that hands out ids in advance: the statement, then resume': {
    mistake: (on) => sql(on, 'alter sequence models_logging_change_id_seq cache 20'),
    advice: /Run: alter sequence .* cache 1;.*resume the view/,
  },
  'a sequence that cycles: the statement, then resume': {
    mistake: (on) => sql(on, 'alter sequence models_logging_change_id_seq cycle'),
    advice: /Run: alter sequence .* no cycle;.*resume the view/,
  },
  'a sequence that nobody owns: the statement, then resume': {
    mistake: (on) => sql(on, 'alter sequence models_logging_change_id_seq owned by none'),
    advice: /Run: alter sequence .* owned by .*;.*resume the view/,
  },
  'a function of the view that is gone: create it again, then redrive': {
    mistake: async (on) => {
      await sql(
        on,
        `create function inner_name(n text) returns text language sql as 'select n';
         create function outer_name(n text) returns text language plpgsql as 'begin return inner_name(n); end'`,
      );
      await sql(on, PROJECT_VIEW.replace('p.name', 'outer_name(p.name) as name'));
      assert.equal((await on.extract()).outcome, 'resync requested');
      await sql(on, 'drop function inner_name');
    },
    byHand: (on) => sql(on, `create function inner_name(n text) returns text language sql as 'select n'`),
    advice: /create it again or replace the view\. Then redrive the view/,
  },
  'a temp table that is gone: resync, then redrive': {
    whenApplied: true,
    mistake: (on) => on.query(`drop table ${on.tempTable()}`),
    advice: /a resync creates.*redrive the view/,
  },
  'a row that is too large for the Write API: make it smaller, then redrive': {
    view: STREAMED_ENTRY.name,
    whenApplied: true,
    staged: (on) => on.source.change('app_incident', 1, { owner: 'x'.repeat(19_000_001) }),
    byHand: (on) => on.source.change('app_incident', 1, { owner: 'x' }),
    advice: /Make the row smaller.*redrive the view/,
  },
  'an expression of the view that fails on a row: change the view, then resume': {
    mistake: (on) => sql(on, PROJECT_VIEW.replace('c.name as', `(1 / (p.name <> 'two')::int)::text as`)),
    byHand: (on) => sql(on, PROJECT_VIEW),
    advice: /which no policy can mend.*/,
  },
  'a resync that would delete all rows: accept the deletes': {
    mistake: async (on) => {
      await sql(on, 'delete from app_project');
      await requestResync(on);
    },
    advice: /If the others are really gone, send \{.*?\}/,
  },
  'a resync that would delete all rows: correct the view, then the payload': {
    mistake: async (on) => {
      await sql(on, PROJECT_VIEW.replace('not p.is_dummy', 'false'));
      await requestResync(on);
    },
    byHand: (on) => sql(on, PROJECT_VIEW),
    advice: /If not, correct the view, then send \{.*?\}/,
  },
};

/** Calls until the call fails, since the first extract after a change of the view only requests a resync. */
async function failureOf(call: () => Promise<unknown>): Promise<Error & { advice: string }> {
  for (let n = 0; n < 2; n += 1) {
    try {
      await call();
    } catch (error) {
      return error as Error & { advice: string };
    }
  }
  return assert.fail('nothing failed');
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
    { mistake, whenApplied, staged, advice, byHand, view = 'pmr_project' },
  ] of Object.entries(CASES)) {
    it(title, async () => {
      await on.source.change('app_project', 1, { name: 'two' });
      await on.source.change('app_incident', 1, { status: 'closed' });
      await staged?.(on);
      const batch = whenApplied ? await on.stage(view) : null;
      await mistake?.(on);
      const failure = await failureOf(() => (batch === null ? on.extract(view) : on.apply(batch)));
      const [followed] = advice.exec(failure.advice) ?? assert.fail(`${failure.message}\n${failure.advice}`);

      await byHand?.(on);
      await followAdvice(followed, on, view);

      await on.replicate(view);
      await on.assertEqual(view);
      // The next change comes through as well.
      await on.source.change('app_project', 1, { name: 'three' });
      await on.source.change('app_incident', 1, { status: 'again' });
      await on.replicate(view);
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
});

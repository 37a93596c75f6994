import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';

/** Each failure is mended by what its advice says, and by nothing else. */
describe('the advice of a failure mends the view', () => {
  const { on } = useInstallation();

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'two' });
  });

  const ask = (payload: object) =>
    dispatch({ view: VIEW, ...payload }, { functionName: 'extract', event: payload }, on.dependencies);
  const mended = async () => {
    await on.replicate();
    await on.assertEqual();
  };

  it('whose target has newer batch ids: redrive', async () => {
    const batch = await on.stage();
    await on.query(`update ${on.targetTable()} set etl_transaction_id = 999999 where true`);
    await assert.rejects(on.merge(batch), {
      kind: 'merge_refused',
      advice: /newer batch ids.* redrive the view/,
    });

    await ask({ redrive: true });

    await mended();
  });

  it('whose ledger has a newer batch: resync', async () => {
    const batch = await on.stage();
    await on.query(
      `insert into ${on.ledger()} (view, etl_transaction_id, added, changed, deleted, applied_at)
       values ('${VIEW}', 999999, 0, 0, 0, current_timestamp())`,
    );
    await assert.rejects(on.merge(batch), { kind: 'merge_refused', advice: /newer batch.* resync the view/ });

    await ask({ resync: true });

    await mended();
  });

  it('whose temp table has a row twice: redrive', async () => {
    const batch = await on.stage();
    await on.query(`insert into ${on.tempTable()} select * from ${on.tempTable()}`);
    await assert.rejects(on.merge(batch), { kind: 'bad_data', advice: /temp table.* redrive the view/ });

    await ask({ redrive: true });

    await mended();
  });

  it('whose role may not read the log: grant, and nothing else', async () => {
    await on.source.database.query('revoke select on models_logging_change from reader');
    await assert.rejects(on.extract(), {
      kind: 'unauthorized',
      advice: /^Run in the source, as its owner: grant select on /,
    });

    await on.source.database.query('grant select on models_logging_change to reader');

    await mended();
  });

  it('whose table is gone: create it again, then redrive', async () => {
    await on.source.database.query('alter table app_project rename to gone');
    await assert.rejects(on.extract());
    await on.source.database.query('alter table gone rename to app_project');

    await ask({ redrive: true });

    await mended();
  });

  describe('done to the letter:', () => {
    const sql = (text: string) => on.source.database.query(text);
    const failure = async (): Promise<DataHubError> => {
      const thrown = await on.extract().catch((error: unknown) => error);
      assert.ok(thrown instanceof DataHubError, 'expected a failure');
      await on.dependencies.control.viewStops.halt(VIEW, thrown.message);
      return thrown;
    };
    /** Sends the first payload of the advice that is a whole command. */
    const send = async (advice: string) => {
      const [payload] = /\{"view":[^}]*\}/.exec(advice) ?? assert.fail(advice);
      await dispatch(JSON.parse(payload), { functionName: 'extract', event: payload }, on.dependencies);
    };

    it('a value that BigQuery cannot hold gets the policy that the advice writes', async () => {
      await on.source.change('app_project', 1, { opened: '-infinity' });
      const { advice, kind } = await failure();
      assert.equal(kind, 'bad_data');
      const [, policies = ''] = /"unrepresentable": (\{.*?\})\./.exec(advice) ?? assert.fail(advice);

      await call({ import: [{ ...PROJECT_ENTRY, unrepresentable: JSON.parse(policies) }] });
      await send(advice);

      await on.replicate();
      assert.partialDeepStrictEqual(await on.visible(), [{ opened: null, name: 'two' }]);
    });

    it('or is corrected', async () => {
      await on.source.change('app_project', 1, { opened: '-infinity' });
      const { advice } = await failure();
      await on.source.change('app_project', 1, { opened: null });
      await send(advice);
      await mended();
    });

    it('an expression of the view that fails on a row, for which no policy is advised', async () => {
      await on.source.add('app_project', { id: 2, name: '0' });
      const before = await definition();
      await sql(failing);
      await on.dependencies.control.viewStops.requestResync(VIEW, { isWanted: true, acceptsDeletes: false });
      const { advice } = await failure();
      assert.match(advice, /which no policy can mend/);
      await sql(before);
      await send(advice);
      await mended();
    });

    it('a key that the view has twice', async () => {
      const before = await definition();
      await sql(
        `create or replace view ${VIEW} as select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
         from app_project p left join app_company c on true`,
      );
      await sql(`insert into app_company values (1, 'one'), (2, 'two')`);
      await on.dependencies.control.viewStops.requestResync(VIEW, { isWanted: true, acceptsDeletes: false });
      const { advice } = await failure();
      await sql(before);
      await send(advice);
      await mended();
    });

    it('a sequence that caches ids, or cycles', async () => {
      for (const change of ['cache 20', 'cycle']) {
        await sql(`alter sequence models_logging_change_id_seq ${change}`);
        const { advice } = await failure();
        const [, statement = ''] = /^Run: (.*?;)/.exec(advice) ?? assert.fail(advice);
        assert.match(advice, /resume the view\.$/);
        await sql(statement);
        await ask({ resume: true });
        await on.source.change('app_project', 1, { name: change });
        await mended();
      }
    });

    it('a view that stays away', async () => {
      const before = await definition();
      await sql(`drop view ${VIEW}`);
      await assert.rejects(on.extract(), { kind: 'transient' });
      await on.control.query(`update etl.view_source set missing_since = now() - interval '1 hour'`);
      const { advice } = await failure();
      assert.match(advice, /^Create the view again.*"forget":true/);

      await sql(`${before}; grant select on ${VIEW} to reader`);
      await send(advice);

      await mended();
    });

    it('a wrong view source of an import says nothing of a view to resume', async () => {
      const entry = { ...PROJECT_ENTRY, name: 'pmr_projects', target_name: 'projects' };
      await assert.rejects(call({ import: [entry] }), { advice: /^Nothing was stored\./ });
      const answer = (await call({ import: [entry], dryRun: true })) as { findings?: { advice?: string }[] };
      const advices = (answer.findings ?? []).flatMap(({ advice }) => advice ?? []);
      assert.ok(advices.includes('Correct what the message names before the import.'), advices.join('\n'));
      assert.doesNotMatch(advices.join(), /resume/);
    });

    const call = (payload: object) =>
      dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies);
    const definition = async (): Promise<string> => {
      const { rows } = await sql(`select pg_get_viewdef('${VIEW}'::regclass) as text`);
      return `create or replace view ${VIEW} as ${rows[0].text}`;
    };
    const failing = `create or replace view ${VIEW} as select p.id as project_id, p.name, (1 / (p.name <> '0')::int)::text as company, p.share,
      p.opened, p.updated_at from app_project p`;
  });
});

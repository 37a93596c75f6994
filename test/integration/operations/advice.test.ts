import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
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
});

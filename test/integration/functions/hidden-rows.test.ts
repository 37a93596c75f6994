import assert from 'node:assert/strict';
import { DataHubError, RETRIED } from '../../../shared/errors.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { READER } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('rows that a row security policy of the source hides', () => {
  const { on } = useInstallation();

  beforeEach(() => on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' }));

  /** Hides rows of the table from the reader role, without an error from PostgreSQL. */
  const showOnly = (table: string, condition: string) =>
    on.source.database.query(
      `create policy some_rows on ${table} for select to ${READER.name} using (${condition});
       alter table ${table} enable row level security`,
    );
  const showAll = (table: string) =>
    on.source.database.query(`alter table ${table} disable row level security`);

  it('I2 in the change log fail the extract instead of counting as absent', async () => {
    await on.replicate();
    // The captured rows stay visible, so that nothing else looks wrong.
    await showOnly('models_logging_change', 'id <= 2');
    await on.source.change('app_project', 1, { name: 'uno' });
    await on.source.delete('app_project', 2);
    const checkpoint = await on.checkpointOf();

    await assert.rejects(on.extract(), { kind: 'unauthorized', message: /row-level security/ });

    assert.deepEqual(await on.checkpointOf(), checkpoint);
    assert.deepEqual(await on.states(), ['applied']);
    await showAll('models_logging_change');
    await on.dependencies.control.viewStops.resume('pmr_project');
    assert.partialDeepStrictEqual(await on.replicate(), { added: '0', changed: '1', deleted: '1' });
    await on.assertEqual();
  });

  it('I2 behind a security invoker view fail the extract instead of being deleted', async () => {
    await on.replicate();
    await on.source.database.query('alter view pmr_project set (security_invoker = true)');
    await showOnly('app_project', 'false');
    await on.source.change('app_project', 1, { name: 'uno' });

    await assert.rejects(on.extract(), { kind: 'unauthorized', message: /row-level security/ });

    await showAll('app_project');
    assert.partialDeepStrictEqual(await on.replicate(), { added: '0', changed: '1', deleted: '0' });
    await on.assertEqual();
  });

  it('I2 behind such a view fail an initial load too', async () => {
    await on.source.database.query('alter view pmr_project set (security_invoker = true)');
    await showOnly('app_project', 'false');

    await assert.rejects(on.extract(), { kind: 'unauthorized', message: /row-level security/ });

    assert.equal(await on.checkpointOf(), null);
    await showAll('app_project');
    assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });
    await on.assertEqual();
  });

  describe('come with the advice that helps, in the failure and in the check:', () => {
    const alter = (text: string) => on.source.database.query(`alter role ${text}`);
    const assertHelps = async (...roles: string[]) => {
      await on.source.change('app_project', 1, { name: 'uno' });
      const failure = await on.extract().catch((error: unknown) => error);
      assert.ok(failure instanceof DataHubError && failure.kind === 'unauthorized', String(failure));
      assert.match(
        failure.advice,
        /no grant helps.*: alter role … bypassrls; .*The functions retry by themselves/,
      );
      const { findings } = await preflight({ view: 'pmr_project' }, on.dependencies);
      // Nobody repeats a check.
      const checked = failure.advice.replace(RETRIED, 'Then call again.');
      assert.ok(findings.some(({ ok, advice }) => !ok && advice === checked));

      for (const role of roles) await alter(`${role} bypassrls`);
      try {
        assert.partialDeepStrictEqual(await on.replicate(), { changed: '1', deleted: '0' });
        await on.assertEqual();
      } finally {
        for (const role of roles) await alter(`${role} nobypassrls`);
      }
    };

    it('the role of the source reads all rows', async () => {
      await on.replicate();
      await on.source.database.query('alter view pmr_project set (security_invoker = true)');
      await showOnly('app_project', 'false');
      await assertHelps(READER.name);
    });

    it('and so does the owner of the view', async () => {
      await on.replicate();
      await on.source.database.query(`create role hiding_owner; grant usage on schema public to hiding_owner;
        grant select on app_project, app_company to hiding_owner; alter view pmr_project owner to hiding_owner`);
      await showOnly('app_project', 'false');
      await assertHelps(READER.name, 'hiding_owner');
    });
  });
});

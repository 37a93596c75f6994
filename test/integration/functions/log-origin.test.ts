import assert from 'node:assert/strict';
import { preflight } from '../../../shared/operations/preflight.ts';
import { followAdvice } from '../../support/follow-advice.ts';
import { until } from '../../support/until.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';

/** What shows that the log is not the one, or not all of the one, that was captured before. */
describe('a capture', () => {
  const { on } = useInstallation();

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.replicate();
    await on.extract();
  });

  const sql = (text: string) => on.source.database.query(text);
  const advised = async () => (await on.dependencies.control.viewSources.get(VIEW)).resyncAdvice;
  const problems = async () =>
    (await preflight({ view: VIEW }, on.dependencies)).findings.filter(({ ok }) => !ok);

  it('of another server or database than before advises a resync, which ends the advice', async () => {
    const log = on.captureLog();
    await on.control.query(
      `update etl.view_source set log_origin = log_origin || '{"database":"production","systemIdentifier":"7"}'`,
    );
    await on.source.change('app_project', 1, { name: 'three' });

    await on.replicate();

    assert.match(
      (await advised()) ?? '',
      /^the source is another server or database than before: database production of server 7 until now/,
    );
    assert.ok(
      log.records().some(({ severity, message }) => severity === 'WARNING' && message === 'resync advised'),
    );
    const [problem] = await problems();
    await followAdvice(problem?.advice ?? '', on, VIEW);
    await on.replicate();
    assert.equal(await advised(), null);
    await on.extract();
    assert.equal(await advised(), null);
  });

  it('of a log of the same name in another schema is refused, and the check says which is read', async () => {
    const logFinding = async () =>
      (await preflight({ view: VIEW }, on.dependencies)).findings.filter(({ check }) =>
        ['change log', 'search path'].includes(check),
      );
    assert.deepEqual(
      (await logFinding()).map(({ message }) => message),
      ['models_logging_change can be captured exactly; it is in schema public'],
    );
    // The default search path begins with the schema that is named like the role.
    await sql(`create schema reader;
      create table reader.models_logging_change (like models_logging_change including defaults);
      create sequence reader.own_seq owned by reader.models_logging_change.id;
      alter table reader.models_logging_change alter id set default nextval('reader.own_seq');
      insert into reader.models_logging_change select * from public.models_logging_change;
      select setval('reader.own_seq', (select max(id) from public.models_logging_change));
      grant usage on schema reader to reader; grant select on reader.models_logging_change, reader.own_seq to reader`);
    await on.source.change('app_project', 1, { name: 'three' });

    await assert.rejects(on.extract(), {
      kind: 'source_refused',
      message: /finds models_logging_change in schema reader; until now it was captured from schema public/,
    });
    assert.match((await problems()).map(({ message }) => message).join(), /in schema reader; until now/);
    assert.match(
      (await logFinding()).map(({ message }) => message).join(),
      /finds models_logging_change in schema reader; schema public has a table of that name, too/,
    );

    await sql('drop schema reader cascade');
    await on.dependencies.control.viewStops.resume(VIEW);
    await on.replicate();
    await on.assertEqual();
  });

  describe('after a pause in which log rows were deleted', () => {
    const deleted = async (condition: string) => {
      const count = async () =>
        Number(
          (await sql(`select pg_stat_get_tuples_deleted('models_logging_change'::regclass) as n`)).rows[0].n,
        );
      const before = await count();
      const { rowCount } = await sql(`delete from models_logging_change where ${condition}`);
      await until(async () => (await count()) >= before + (rowCount ?? 0));
    };
    beforeEach(async () => {
      await on.dependencies.control.viewStops.pause(VIEW);
      await on.source.log('app_site', 1, 'added');
      for (const name of ['three', 'four']) await on.source.change('app_project', 1, { name });
    });

    it('by content type, advises a resync', async () => {
      const log = on.captureLog();
      // The last captured row stays, as do the rows of other models.
      await deleted('content_type_id = 7 and id > 2');
      await on.dependencies.control.viewStops.resume(VIEW);

      await on.extract();

      assert.match(
        (await advised()) ?? '',
        /^2 rows were deleted from the middle of models_logging_change, and 2 ids above 2,/,
      );
      assert.ok(log.records().some(({ message }) => message === 'resync advised'));
    });

    it('below an id, and others were rolled back, advises nothing', async () => {
      await sql(`select nextval('models_logging_change_id_seq') from generate_series(1, 50)`);
      await deleted('id < 2');
      await on.dependencies.control.viewStops.resume(VIEW);

      await on.replicate();

      assert.equal(await advised(), null);
      await on.assertEqual();
    });
  });
});

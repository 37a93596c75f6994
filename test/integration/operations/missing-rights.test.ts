import assert from 'node:assert/strict';
import { preflight } from '../../../shared/operations/preflight.ts';
import { READER } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('missing rights', () => {
  const { on } = useInstallation();

  /** The statements that the findings advise. */
  const grantsIn = (findings: { ok: boolean; message: string; advice?: string }[]): string[] =>
    findings
      .filter(({ ok }) => !ok)
      .flatMap(
        ({ message, advice = '' }) => `${advice} ${message};`.match(/(?:grant|alter role) [^;]*;/g) ?? [],
      );

  it('are reported with the statements that mend them, for every object', async () => {
    await on.source.database.query(`
      revoke all on all tables in schema public from ${READER.name};
      revoke all on all sequences in schema public from ${READER.name}`);
    const named = new Set<string>();
    for (let round = 1; ; round += 1) {
      const { ok, findings } = await preflight({ view: undefined }, on.dependencies);
      if (ok) break;
      const grants = grantsIn(findings);
      assert.ok(round < 5 && grants.length > 0, JSON.stringify(findings));
      for (const grant of grants) {
        named.add(/on (?:sequence )?(\S+) to/.exec(grant)?.[1] ?? grant);
        await on.source.database.query(grant);
      }
    }
    assert.deepEqual([...named].toSorted(), [
      'public.app_company',
      'public.app_project',
      'public.app_site',
      'public.django_content_type',
      'public.models_logging_change',
      'public.models_logging_change_id_seq',
      'public.pmr_project',
      'public.pmr_site',
    ]);
  });

  for (const { what, lose, grant } of [
    {
      what: 'of the owner of a view on its table',
      lose: `create role keeper; grant keeper to postgres; grant create, usage on schema public to keeper; grant select on app_site to keeper;
        alter view pmr_site owner to keeper; grant select on pmr_site to reader; revoke select on app_site from keeper`,
      grant: 'grant select on public.app_site to keeper;',
    },
    {
      what: 'of the role on the tables of a view with security_invoker',
      lose: `create table app_note (site_id bigint primary key, note text);
        create or replace view pmr_site with (security_invoker = true) as
          select id as site_id, project_id, name, n.note from app_site s left join app_note n on n.site_id = s.id`,
      grant: 'grant select on public.app_note to reader;',
    },
    {
      what: 'on some columns of a view',
      lose: 'revoke select on pmr_site from reader; grant select (site_id) on pmr_site to reader',
      grant: 'grant select on public.pmr_site to reader;',
    },
    {
      what: 'on the schema',
      lose: 'create schema apart; alter table app_site set schema apart',
      grant: 'grant usage on schema apart to reader;',
    },
  ]) {
    it(`${what} are found`, async () => {
      await on.source.database.query(lose);
      const { findings } = await preflight({ view: 'pmr_site' }, on.dependencies);
      assert.ok(grantsIn(findings).includes(grant), JSON.stringify(findings.filter(({ ok }) => !ok)));
    });
  }

  it('of a tick name the object and the statement as well', async () => {
    await on.source.database.query(`revoke select on models_logging_change from ${READER.name}`);
    await assert.rejects(on.extract('pmr_site'), {
      kind: 'unauthorized',
      message: 'role reader may not read change log public.models_logging_change',
      advice: 'Run in the source, as its owner: grant select on public.models_logging_change to reader;',
    });
  });
});

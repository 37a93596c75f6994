import assert from 'node:assert/strict';
import { type ViewSourceEntry, viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'ticket_view';
const TICKET_TYPE = 50;
const TEAM_TYPE = 51;

const entry = (differing: Partial<ViewSourceEntry> = {}): ViewSourceEntry =>
  viewSourceEntry.parse({
    name: VIEW,
    target_name: 'ticket',
    main_table: 'help.desk_ticket',
    app_label: 'desk',
    model: 'ticket',
    key_column: 'ticket_id',
    load_type: 'merge',
    lookups: [{ table: 'help.desk_team', app_label: 'desk', model: 'team', column: 'team_id' }],
    ...differing,
  });

describe('a main table and a lookup in another schema', () => {
  const { on } = useInstallation();
  const sql = (text: string) => on.source.database.query(text);
  const importing = (differing?: Partial<ViewSourceEntry>) =>
    importConfiguration({ entries: [entry(differing)] }, on.dependencies);
  const log = (id: number, type: number, action: string) =>
    sql(
      `insert into models_logging_change (object_id, content_type_id, action, changed_data) values ('${id}', ${type}, '${action}', '{}')`,
    );
  const target = () =>
    on.query(
      'select ticket_id, title, team from SMartDataAnalytics.ticket where not coalesce(is_deleted, false) order by ticket_id',
    );

  beforeEach(async () => {
    await sql(`
      insert into django_content_type (id, app_label, model) values (${TICKET_TYPE}, 'desk', 'ticket'), (${TEAM_TYPE}, 'desk', 'team');
      create schema help;
      create table help.desk_team (id bigint primary key, name text);
      create table help.desk_ticket (id bigint primary key, title text, team_id bigint references help.desk_team);
      insert into help.desk_team values (1, 'one');
      insert into help.desk_ticket values (1, 'first', 1), (2, 'second', 1);
      create view ${VIEW} as select t.id as ticket_id, t.title, m.name as team from help.desk_ticket t left join help.desk_team m on m.id = t.team_id;
      grant usage on schema help to reader;
      grant select on help.desk_ticket, help.desk_team, ${VIEW} to reader`);
  });

  it('are written schema.table, and are followed', async () => {
    assert.deepEqual((await importing()).warnings, []);
    await on.replicate(VIEW);
    assert.deepEqual(await target(), [
      { ticket_id: '1', title: 'first', team: 'one' },
      { ticket_id: '2', title: 'second', team: 'one' },
    ]);

    await sql(`update help.desk_team set name = 'uno'; delete from help.desk_ticket where id = 2`);
    await log(1, TEAM_TYPE, 'changed');
    await log(2, TICKET_TYPE, 'deleted');
    await on.replicate(VIEW);

    assert.deepEqual(await target(), [{ ticket_id: '1', title: 'first', team: 'uno' }]);
    assert.equal((await preflight({ view: VIEW }, on.dependencies)).ok, true);
  });

  it('with dots and capitals in their names, as they are or quoted as PostgreSQL quotes them', async () => {
    await sql(
      `alter schema help rename to "Help.Desk"; alter table "Help.Desk".desk_ticket rename to "Desk.Ticket"`,
    );
    for (const main_table of ['Help.Desk.Desk.Ticket', '"Help.Desk"."Desk.Ticket"']) {
      await importing({
        main_table,
        lookups: [{ table: '"Help.Desk".desk_team', app_label: 'desk', model: 'team', column: 'team_id' }],
      });
      await on.extract(VIEW);
      await on.dependencies.control.forgetting.forget(VIEW);
    }
  });

  it('whose name can mean two tables is refused, with the way to write each', async () => {
    await sql(`
      create schema "a.b"; create schema a; create table "a.b".c (id bigint primary key); create table a."b.c" (id bigint primary key)`);
    await assert.rejects(importing({ main_table: 'a.b.c' }), {
      kind: 'configuration',
      message: /main table a\.b\.c can mean "a\.b"\.c and a\."b\.c": write it with these quotes/,
    });
  });

  it('written without the schema are refused, with the name to write', async () => {
    await assert.rejects(importing({ main_table: 'desk_ticket' }), {
      message:
        /main table desk_ticket is in schema help, which is not in the search path of role reader: write it as "help\.desk_ticket"/,
    });
    await assert.rejects(
      importing({ lookups: [{ table: 'desk_team', app_label: 'desk', model: 'team', column: 'team_id' }] }),
      { message: /lookup table desk_team is in schema help.*write it as "help\.desk_team"/ },
    );
    await assert.rejects(importing({ main_table: 'HELP.desk_ticket' }), {
      message: /HELP\.desk_ticket does not exist in the source, but help\.desk_ticket does/,
    });
  });

  it('that is not configured is proposed with its schema, and can be ignored so', async () => {
    await assert.rejects(importing({ lookups: [] }), {
      message:
        /depends on help\.desk_team, .*add to lookups \{"table":"help\.desk_team","app_label":"desk","model":"team","column":"team_id"\}, .*"ignored_dependencies": \["help\.desk_team"\]/,
    });
    assert.deepEqual(
      (await importing({ lookups: [], ignored_dependencies: ['help.desk_team'] })).warnings,
      [],
    );
  });

  for (const [right, revoke, expected] of [
    ['use', 'revoke usage on schema help from reader', /^grant usage on schema help to reader; $/],
    [
      'use or read',
      'revoke usage on schema help from reader; revoke select on help.desk_ticket from reader',
      /^grant usage on schema help to reader; grant select on help\.desk_ticket to reader; $/,
    ],
    [
      'read',
      'revoke select on help.desk_ticket from reader',
      /^grant select on help\.desk_ticket to reader; $/,
    ],
  ] as const) {
    it(`that the role may not ${right} come with the GRANT, and that is enough`, async () => {
      await sql(revoke);

      const refused = await importing().catch((error: Error & { advice: string }) => error);
      assert.ok('advice' in refused);
      const [, statements = ''] =
        /Run in the source, as its owner: ((?:[^;]+; ?)+)/.exec(refused.advice) ?? [];
      assert.match(statements, expected);
      await sql(statements);

      await importing();
      await on.replicate(VIEW);
    });
  }
});

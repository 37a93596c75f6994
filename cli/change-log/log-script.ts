import { quoteIdentifier, quoteLiteral } from '../../shared/postgres/quote.ts';
import { LOG_EVENTS, logTrigger, RESYNC_ACTION } from '../../shared/source/trigger-log.ts';
import { type LogPlan, type PlannedTable, runBy, type TableName } from './log-plan.ts';

/** Both tables are ours if their comments begin so. */
const MARK = 'SMart DataHub:';

/**
 * The script that makes the log and the triggers that fill it, as one transaction. Safe to repeat: it adds what is missing, and asks for a resync of
 * the views of tables whose triggers were absent or disabled. Waits for no lock for longer than PostgreSQL takes to look for deadlocks.
 */
export function logScript(plan: LogPlan): string {
  return `${[
    head(plan),
    'begin;',
    SETTINGS,
    refuseForeignTables(plan),
    lockTables(plan),
    makeTables(plan),
    contentTypes(plan),
    askForResyncs(plan),
    ...plan.tables.map((table) => logFunctionsOf(plan, table)),
    ...plan.tables.map((table) => triggersOf(plan, table)),
    ...plan.tables.map(alwaysOf),
    giveToOwner(plan),
    grants(plan),
    'commit;',
  ].join('\n\n')}\n`;
}

const head = (
  plan: LogPlan,
): string => `-- A change log for SMart DataHub, filled by triggers on the main and lookup tables of the views: every insert, update, delete and truncate, also
-- bulk updates, raw SQL and cascades, in the transaction that makes it. Safe to repeat: run it again after new views, new partitions or a
-- renamed key column. It stops after a lock timeout, without having changed anything: run it again then.
-- Run it as ${runBy(plan).replace(/[\r\n]+/g, ' ')}.`;

/** What both scripts begin with. */
export const SETTINGS = `-- Shorter than deadlock_timeout, so that no transaction of the application is ended because of this one.
set local lock_timeout = '900ms';
set local search_path = pg_catalog, pg_temp;
set local client_min_messages = warning;
do $lock$ begin perform pg_advisory_xact_lock(hashtext('smart-datahub change log')); end $lock$;`;

export const inSchema = ({ schema }: Pick<LogPlan, 'schema'>, name: string): string =>
  `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;

/** The body of a function or block, between dollars that it does not contain. */
function dollarQuoted(body: string, tag: string): string {
  let delimiter = `$${tag}$`;
  for (let n = 2; body.includes(delimiter); n += 1) delimiter = `$${tag}${n}$`;
  return `${delimiter}\n${body}\n${delimiter}`;
}

const block = (body: string): string => `do ${dollarQuoted(body, 'do')};`;

/** A text in the format of `raise exception`. */
const raised = (text: string): string => quoteLiteral(text.replaceAll('%', '%%'));

/** Refuses to touch tables of these names that are not ours. */
export function refuseForeignTables(plan: Pick<LogPlan, 'schema' | 'logTable' | 'contentTypeTable'>): string {
  const checks = [plan.logTable, plan.contentTypeTable].map((name) => {
    const table = inSchema(plan, name);
    const found = `to_regclass(${quoteLiteral(table)})`;
    return `  if ${found} is not null and (obj_description(${found}, 'pg_class') like ${quoteLiteral(`${MARK}%`)}) is not true then
    raise exception ${raised(`${table} exists, and is not a table of SMart DataHub`)};
  end if;`;
  });
  return block(`begin\n${checks.join('\n')}\nend`);
}

/** In one order, and before anything else, so that a table that is in use costs nothing but another run. */
function lockTables({ tables }: LogPlan): string {
  const names = [...new Set(tables.flatMap((table) => [table, ...table.below]).map(({ name }) => name))];
  return `lock table only ${names.sort().join(', only ')} in share row exclusive mode;`;
}

function makeTables(plan: LogPlan): string {
  const [log, types] = [inSchema(plan, plan.logTable), inSchema(plan, plan.contentTypeTable)];
  return `create table if not exists ${log} (
  -- Without a cache: an id that a session keeps for later would be missed.
  id bigint generated always as identity (cache 1) primary key,
  date_created timestamptz not null default clock_timestamp(),
  comment text,
  user_id integer,
  object_id text not null,
  object_repr text,
  content_type_id integer not null,
  -- Not filled: a row is looked up in the view by its key.
  changed_data jsonb,
  action text not null
);
comment on table ${log} is '${MARK} which rows were changed. Triggers fill it; the owner prunes it by the id that datahub log prints';
create index if not exists ${quoteIdentifier(`${plan.logTable}_${RESYNC_ACTION}`)} on ${log} (content_type_id, id) where action = '${RESYNC_ACTION}';
revoke all on ${log} from public;

create table if not exists ${types} (
  id integer primary key,
  app_label text not null,
  model text not null,
  unique (app_label, model)
);
comment on table ${types} is '${MARK} which table the content types of the change log stand for';`;
}

function contentTypes(plan: LogPlan): string {
  const types = inSchema(plan, plan.contentTypeTable);
  const values = plan.tables
    .map(
      ({ contentType: { id, appLabel, model } }) =>
        `  (${id}, ${quoteLiteral(appLabel)}, ${quoteLiteral(model)})`,
    )
    .join(',\n');
  return `insert into ${types} (id, app_label, model) values\n${values}\non conflict do nothing;
${block(`begin
  if exists (
    select from (values\n${values}) wanted (id, app_label, model)
    where not exists (
      select from ${types} t where t.id = wanted.id and t.app_label = wanted.app_label and t.model = wanted.model)
  ) then
    raise exception ${raised(`${types} has changed since this script was made: make the script again`)};
  end if;
end`)}`;
}

/**
 * The events of which a table, `root` or one below it, needs a trigger. A truncated partitioned table truncates its partitions, and these have triggers. A row that
 * moves to another partition fires no trigger of rows for its update, so that partitioned tables find changed keys among all rows of the statement.
 */
const eventsOf = (root: TableName, { isPartitioned }: TableName) =>
  LOG_EVENTS.filter(
    (event) => (event !== 'truncate' || !isPartitioned) && (event !== 'key' || !root.isPartitioned),
  );

/**
 * A row that asks for a resync for each table whose changes may have been missed: its own triggers are missing or were ever disabled, or those of a partition
 * were disabled. A partition without triggers is new: what is written to it through its parent is logged.
 */
function askForResyncs(plan: LogPlan): string {
  const expected = plan.tables.flatMap((table) =>
    [table, ...table.below].flatMap((each) =>
      eventsOf(table, each).map(
        (event) =>
          `  (${table.contentType.id}, ${quoteLiteral(each.name)}::regclass, ${quoteLiteral(logTrigger(table.contentType.id, event))}, ${each === table})`,
      ),
    ),
  );
  return `-- Asks for a resync where triggers were absent or disabled: rows may have changed meanwhile.
insert into ${inSchema(plan, plan.logTable)} (object_id, content_type_id, action, object_repr)
select '', wanted.id, '${RESYNC_ACTION}', 'triggers were absent or disabled on ' || string_agg(distinct wanted.relation::text, ', ')
from (values
${expected.join(',\n')}
) wanted (id, relation, name, is_whole)
left join pg_trigger t on t.tgrelid = wanted.relation and t.tgname = wanted.name
where t.tgenabled <> 'A' or t.oid is null and wanted.is_whole
group by wanted.id;`;
}

/**
 * A function for each event, without conditions: PL/pgSQL prepares each expression anew in each transaction. They return NEW, which is NULL in a trigger of
 * a statement, because a variable is no expression.
 */
function logFunctionsOf(plan: LogPlan, table: PlannedTable): string {
  const { name, keyColumn, contentType } = table;
  return eventsOf(table, { ...table, isPartitioned: false })
    .map((event) => {
      const procedure = inSchema(plan, logTrigger(contentType.id, event));
      const rows = selects(inSchema(plan, plan.logTable), {
        table,
        id: contentType.id,
        key: quoteIdentifier(keyColumn),
      });
      const body = `-- Logs ${event} of ${name.replace(/[\r\n]+/g, ' ')}.
begin
  insert into ${inSchema(plan, plan.logTable)} (object_id, content_type_id, action, object_repr)
  ${rows[event]};
  return new;
end`;
      return `create or replace function ${procedure}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as ${dollarQuoted(body, 'log')};
revoke all on function ${procedure}() from public;`;
    })
    .join('\n');
}

/** The log rows of each event: one for each row that a statement touched. */
const selects = (
  log: string,
  { table, id, key }: { table: TableName; id: number; key: string },
): Record<(typeof LOG_EVENTS)[number], string> => ({
  insert: `select n.${key}::text, ${id}, 'added', null from new_rows n where n.${key} is not null`,
  update: table.isPartitioned
    ? `-- Both the key that the row has and the one that it had. A union is as fast for many rows as for one, whichever the plan was made for.
  select k::text, ${id}, 'changed', null
  from (select n.${key} from new_rows n union select o.${key} from old_rows o) changed (k) where k is not null`
    : `select n.${key}::text, ${id}, 'changed', null from new_rows n where n.${key} is not null`,
  key: `-- The key that the row had.
  select old.${key}::text, ${id}, 'changed', null where old.${key} is not null`,
  delete: `select o.${key}::text, ${id}, 'deleted', null from old_rows o where o.${key} is not null`,
  truncate: `-- No row says which keys there were. One row asks for a resync, however many partitions the statement truncates.
  select '', ${id}, '${RESYNC_ACTION}', pg_catalog.format('truncate of %s', tg_relid::pg_catalog.regclass)
  where not exists (
    select from ${log} l
    where l.action = '${RESYNC_ACTION}' and l.content_type_id = ${id} and l.xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid)`,
});

function triggersOf(plan: LogPlan, table: PlannedTable): string {
  const { below, keyColumn, contentType } = table;
  const key = quoteIdentifier(keyColumn);
  const when = {
    insert: 'insert',
    update: 'update',
    delete: 'delete',
    truncate: 'truncate',
    key: 'update',
  };
  const fires = {
    insert: 'referencing new table as new_rows for each statement',
    update: `referencing${table.isPartitioned ? ' old table as old_rows' : ''} new table as new_rows for each statement`,
    delete: 'referencing old table as old_rows for each statement',
    truncate: 'for each statement',
    key: `for each row when (old.${key} is distinct from new.${key})`,
  };
  return [table, ...below]
    .flatMap((each) =>
      eventsOf(table, each).map((event) => {
        const name = logTrigger(contentType.id, event);
        return `create or replace trigger ${name} after ${when[event]} on ${each.name}
  ${fires[event]} execute function ${inSchema(plan, name)}(${quoteLiteral(keyColumn)});`;
      }),
    )
    .join('\n');
}

/** Lets the triggers fire for sessions with session_replication_role = replica, too. A trigger that was disabled and enabled again loses that, which shows it. */
function alwaysOf(table: PlannedTable): string {
  const { id } = table.contentType;
  return [table, ...table.below]
    .map((each) => {
      const actions = eventsOf(table, each).map((event) => `enable always trigger ${logTrigger(id, event)}`);
      return `alter table only ${each.name} ${actions.join(', ')};`;
    })
    .join('\n');
}

/** Owns the log of tables that have several owners: a role of its own, which nobody logs in with and which may do nothing else. */
const LOG_ROLE = 'datahub_log';

/**
 * Gives the log and the functions to the owner of the tables. They run with the rights of their owner and compute what columns of the tables contain, which the
 * owner of a table chooses: so they never belong to somebody with more rights than all of the owners.
 */
function giveToOwner({ owner, tables, ...plan }: LogPlan): string {
  const name = owner ?? LOG_ROLE;
  const role = quoteIdentifier(name);
  const statements = [
    ...[plan.logTable, plan.contentTypeTable].map(
      (table) => `    alter table ${inSchema({ ...plan }, table)} owner to ${role};`,
    ),
    ...tables.flatMap((table) =>
      eventsOf(table, { ...table, isPartitioned: false }).map(
        (event) =>
          `    alter function ${inSchema(plan, logTrigger(table.contentType.id, event))}() owner to ${role};`,
      ),
    ),
  ];
  return `${owner === null ? `${makeLogRole(plan.schema)}\n` : ''}${block(`begin
  -- What somebody else makes would run with his rights.
  if current_user <> ${quoteLiteral(name)} then
${statements.join('\n')}
  end if;
end`)}`;
}

const makeLogRole = (
  schema: string,
): string => `-- The tables have several owners: the log belongs to none of them, nor to the superuser who runs this script.
${block(`begin
  if not exists (select from pg_roles where rolname = ${quoteLiteral(LOG_ROLE)}) then
    create role ${quoteIdentifier(LOG_ROLE)} nologin noinherit;
  end if;
end`)}
grant usage on schema ${quoteIdentifier(schema)} to ${quoteIdentifier(LOG_ROLE)};`;

function grants({ reader, ...plan }: LogPlan): string {
  const role = quoteIdentifier(reader.role);
  const [log, types] = [inSchema(plan, plan.logTable), inSchema(plan, plan.contentTypeTable)];
  const schemas = [...new Set([plan.schema, ...reader.schemas])].sort().map(quoteIdentifier);
  return `-- The role of the functions reads these, and nothing else.
${block(`begin
  if not exists (select from pg_roles where rolname = ${quoteLiteral(reader.role)}) then
    -- Give it a password: alter role ${role.replace(/[\r\n]+/g, ' ')} password '…'.
    create role ${role} login noinherit;
  end if;
end`)}
grant usage on schema ${schemas.join(', ')} to ${role};
grant select on ${[log, types, ...reader.relations].join(', ')} to ${role};
${block(`begin
  execute format('grant select on sequence %s to %I', pg_get_serial_sequence(${quoteLiteral(log)}, 'id'), ${quoteLiteral(reader.role)});
end`)}`;
}

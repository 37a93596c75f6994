import type { Change, ChangedTable, Stray } from './transaction-plan.ts';

/** A view of all log rows, including the pruned ones. */
export const EVERY_LOG_ROW = 'every_log_row';

/** Additions to the schema of the sample application for the torture test. Run once, as its owner. */
export const TORTURE_SCHEMA = `
  insert into django_content_type (id, app_label, model) values (99, 'app', 'other');
  insert into app_company (id, name) select id, 'company ' || id from generate_series(1, 5) id;
  alter table app_site add column remark text;
  alter table app_incident add column remark text;
  create table pruned_change (id integer primary key, content_type_id integer not null);
  create view every_log_row as
    select id::int8 as id, content_type_id from models_logging_change
    union all select id::int8, content_type_id from pruned_change;
  create function draw_early() returns trigger language plpgsql as $$
    begin perform pg_sleep(0.05); return new; end $$;
  create trigger draw_early before insert on models_logging_change for each row
    when (new.object_repr = 'slowly') execute function draw_early();`;

const OTHER_CONTENT_TYPE = 99;

export const CONTENT_TYPE: Record<ChangedTable, number> = {
  app_project: 7,
  app_company: 8,
  app_site: 9,
  app_incident: 18,
};

/** Upserts the rows with the ids $1, with values derived from version $2, some of them NULL. */
const PUT: Record<ChangedTable, string> = {
  app_company: `insert into app_company (id, name) select id, 'company ' || $2::bigint from unnest($1::bigint[]) id
    on conflict (id) do update set name = excluded.name`,
  app_project: `insert into app_project (id, name, company_id, share, opened)
    select id, nullif('project ' || $2::bigint, 'project ' || ($2::bigint / 7 * 7)), nullif((id + $2::bigint) % 6, 0),
      $2::bigint / 1000.0, timestamptz '2026-01-01' + $2::bigint * interval '0.123456 seconds'
    from unnest($1::bigint[]) id
    on conflict (id) do update set name = excluded.name, company_id = excluded.company_id, share = excluded.share,
      opened = excluded.opened`,
  app_site: `insert into app_site (id, project_id, name)
    select id, nullif($2::bigint % 9, 0), 'site ' || $2::bigint from unnest($1::bigint[]) id
    on conflict (id) do update set project_id = excluded.project_id, name = excluded.name`,
  app_incident: `insert into app_incident (id, inventory_id, type, status, opened, closed, owner)
    select id, $2::bigint, nullif('type ' || $2::bigint % 9, 'type 0'), 'status ' || $2::bigint % 4,
      date_trunc('day', now()) - $2::bigint % 1000 * interval '1 minute',
      case when $2::bigint % 2 = 0 then now() end, 'owner ' || $2::bigint
    from unnest($1::bigint[]) id
    on conflict (id) do update set inventory_id = excluded.inventory_id, type = excluded.type,
      status = excluded.status, opened = excluded.opened, closed = excluded.closed, owner = excluded.owner`,
};

/** The column that hides a row from its view, for tables that have one. */
const HIDING_COLUMN: Partial<Record<ChangedTable, string>> = {
  app_project: 'is_dummy',
  app_incident: 'is_hidden',
};

/** Returns the statement for a change. Missing rows are ignored. */
export function changeStatement({ table, kind, ids, version }: Change): { text: string; values: unknown[] } {
  switch (kind) {
    case 'put':
      return { text: PUT[table], values: [ids, version] };
    case 'delete':
      return { text: `delete from ${table} where id = any($1::bigint[])`, values: [ids] };
    case 'touch':
      return {
        text: `update ${table} set remark = 'remark ' || $2::bigint where id = any($1::bigint[])`,
        values: [ids, version],
      };
    case 'hide':
    case 'show':
      return {
        text: `update ${table} set ${HIDING_COLUMN[table]} = $2 where id = any($1::bigint[])`,
        values: [ids, kind === 'hide'],
      };
  }
}

export const canHide = (table: ChangedTable): boolean => table in HIDING_COLUMN;

/** Returns one statement that inserts the log rows of some changes, one per object, filled as django-models-logging does. */
export function logStatement(
  changes: Change[],
  strays: Stray[],
  slowly: boolean,
): { text: string; values: unknown[] } {
  const entries = [
    ...changes.flatMap((change) => change.ids.map((id) => ({ objectId: String(id), ...logged(change) }))),
    ...strays.map(({ table, objectId }) => ({
      objectId,
      type: table === null ? OTHER_CONTENT_TYPE : CONTENT_TYPE[table],
      action: 'added',
      data: null,
    })),
  ];
  return {
    text: `insert into models_logging_change (object_id, content_type_id, action, changed_data, object_repr)
      select object_id, content_type_id, action, changed_data, case when $5 and row = 1 then 'slowly' else '' end
      from unnest($1::text[], $2::int[], $3::text[], $4::jsonb[])
        with ordinality as entry (object_id, content_type_id, action, changed_data, row)`,
    values: [
      entries.map(({ objectId }) => objectId),
      entries.map(({ type }) => type),
      entries.map(({ action }) => action),
      entries.map(({ data }) => data),
      slowly,
    ],
  };
}

/** An upsert is logged as `added` or `changed`: the writer does not know whether the row existed. */
function logged({ table, kind, version }: Change): { type: number; action: string; data: string | null } {
  const type = CONTENT_TYPE[table];
  if (kind === 'delete') return { type, action: 'deleted', data: null };
  if (kind === 'put' && version % 2 === 0) return { type, action: 'added', data: null };
  const column = {
    put: table === 'app_incident' ? 'type' : 'name',
    touch: 'remark',
    hide: HIDING_COLUMN[table],
    show: HIDING_COLUMN[table],
  }[kind];
  return { type, action: 'changed', data: JSON.stringify({ [String(column)]: { old: null, new: version } }) };
}

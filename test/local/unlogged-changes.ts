import type pg from 'pg';
import { MODELS } from '../smartapp/models.ts';
import { WORKLOAD_NAME } from '../smartapp/workload.ts';

/**
 * SMartApp commits its log rows in a separate transaction, after the data. If the application is killed in between, no log row
 * names the changes, and only a comparison can find them. To let people kill a local stack at any moment, triggers record in a
 * separate table what the workload has committed but not logged yet.
 */
const SETUP = `
create schema if not exists local_stack;
create table if not exists local_stack.unlogged_change (
  content_type_id integer not null,
  object_id text not null,
  action text not null
);

create or replace function local_stack.note_change() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
  insert into local_stack.unlogged_change (content_type_id, object_id, action) values (
    tg_argv[0]::integer,
    case tg_op when 'DELETE' then old.id else new.id end,
    case tg_op when 'INSERT' then 'added' when 'UPDATE' then 'changed' else 'deleted' end
  );
  return null;
end
$$;

-- Deletes only changes that were committed before, because the log row stands for those. Skips rows that another log
-- transaction has locked, because that one deletes them; so these triggers add no waiting.
create or replace function local_stack.forget_change() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
  delete from local_stack.unlogged_change where ctid in (
    select ctid from local_stack.unlogged_change
    where content_type_id = new.content_type_id and object_id = new.object_id
    for update skip locked
  );
  return null;
end
$$;

create or replace trigger forget_change after insert on models_logging_change
  for each row execute function local_stack.forget_change();
${Object.values(MODELS)
  .map(
    ({ table, contentTypeId }) => `
create or replace trigger note_change after insert or update or delete on ${table}
  for each row when (current_setting('application_name') = '${WORKLOAD_NAME}')
  execute function local_stack.note_change(${contentTypeId});`,
  )
  .join('')}
`;

/** Makes SMartApp's database record the changes that its workload has not logged yet. Safe to repeat. */
export async function recordUnloggedChanges(superuser: pg.ClientBase): Promise<void> {
  await superuser.query(`begin; ${SETUP} commit`);
}

/** Writes the log rows that a killed workload did not write, one per object; returns how many. Safe to repeat. */
export async function logUnloggedChanges(superuser: pg.ClientBase): Promise<number> {
  // The trigger on the log removes them from the table.
  const { rowCount } = await superuser.query(`
    insert into models_logging_change (date_created, object_id, content_type_id, object_repr, action)
    select now(), object_id, content_type_id, 'object (' || object_id || ')', max(action)
    from local_stack.unlogged_change
    group by content_type_id, object_id
    order by content_type_id, object_id`);
  return rowCount ?? 0;
}

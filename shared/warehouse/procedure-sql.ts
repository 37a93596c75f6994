import type { TableShape } from '../model/columns.ts';
import { type Datasets, objectNames, quoted, stringLiteral } from './names.ts';

/** The codes that the procedure raises. BigQuery has no error codes of its own for these cases. */
export const RAISED = ['superseded', 'staging_lost', 'duplicate_key', 'refused', 'conflict'] as const;
export type Raised = (typeof RAISED)[number];

const code = (raised: Raised): string => `[smart-datahub:${raised}]`;

/** Returns the code that the procedure raised, from a job's error message, or null. */
export function raisedCode(message: string): Raised | null {
  const found = /\[smart-datahub:(\w+)\]/.exec(message)?.[1];
  return RAISED.find((each) => each === found) ?? null;
}

/**
 * The procedure that merges one batch (docs/architecture.md#contracts). Its variables begin with v_, because a column hides a variable with
 * the same name. Its last statement returns the counts (added, changed, deleted).
 */
export function procedureSql(datasets: Datasets, shape: TableShape): string {
  const names = objectNames(datasets, shape);
  const [temp, target, ledger] = [quoted(names.temp), quoted(names.target), quoted(names.ledger)];
  const key = quoted(shape.keyColumn);
  const keyType = shape.columns.find(({ name }) => name === shape.keyColumn)?.type.toLowerCase();
  const view = stringLiteral(shape.view);
  const columns = shape.columns.map(({ name }) => quoted(name));
  const values = columns.filter((name) => name !== key).map((name) => `          ${name} = s.${name},`);
  return `-- Merges batch batch_id, with batch_rows staged rows, into the target of ${shape.view}, completely or not at all. Safe to repeat: for a batch
-- that is in the ledger, it changes nothing and returns the counts from there.
create or replace procedure ${quoted(names.procedure)}(batch_id int64, batch_rows int64)
begin
  declare v_own, v_newest, v_staged, v_keys, v_loaded, v_added, v_changed, v_deleted, v_refused int64 default 0;
  declare v_low, v_high ${keyType};
  declare v_examples string;

  set (v_own, v_newest) = (
    select as struct countif(l.etl_transaction_id = batch_id), coalesce(max(l.etl_transaction_id), 0)
    from ${ledger} l
    where l.view = ${view} and l.etl_transaction_id >= batch_id
  );
  if v_own = 0 then
    if v_newest > batch_id then
      raise using message = format('${code('superseded')} batch %d was not merged, because the newer batch %d was merged before', batch_id, v_newest);
    end if;
    begin transaction;
    begin
      set (v_staged, v_keys, v_loaded, v_low, v_high) = (
        select as struct count(*), count(distinct s.${key}), countif(s.action = 'loaded'), min(s.${key}), max(s.${key})
        from ${temp} s
        where s.etl_transaction_id = batch_id
      );
      if v_staged < batch_rows then
        raise using message = format('${code('staging_lost')} the temp table has %d of %d staged rows', v_staged, batch_rows);
      end if;
      if v_keys < v_staged or v_staged > batch_rows then
        set v_examples = (
          select string_agg(cast(d.example as string), ', ' limit 5)
          from (
            select s.${key} as example from ${temp} s
            where s.etl_transaction_id = batch_id group by s.${key} having count(*) > 1
          ) d
        );
        raise using message = format('${code('duplicate_key')} the temp table has %d staged rows instead of %d, with %d different keys; repeated keys: %t', v_staged, batch_rows, v_keys, v_examples);
      end if;
      set (v_added, v_changed, v_deleted, v_refused) = (
        select as struct
          countif(s.action != 'deleted' and coalesce(t.is_deleted, true)),
          countif(s.action != 'deleted' and not coalesce(t.is_deleted, true)),
          countif(s.action = 'deleted' and not coalesce(t.is_deleted, true)),
          countif(coalesce(t.etl_transaction_id, -1) >= batch_id)
        from ${temp} s
        left join ${target} t on t.${key} = s.${key} and t.${key} between v_low and v_high
        where s.etl_transaction_id = batch_id
      );
      if v_loaded > 0 then
        set v_refused = (select countif(coalesce(t.etl_transaction_id, -1) >= batch_id) from ${target} t);
      end if;
      if v_refused > 0 then
        raise using message = format('${code('refused')} %d rows of the target come from batch %d or a newer one', v_refused, batch_id);
      end if;
      merge ${target} t
      using (select * from ${temp} where etl_transaction_id = batch_id) s
      on t.${key} = s.${key} and t.${key} between v_low and v_high
      when matched and s.action = 'deleted' and coalesce(t.etl_transaction_id, -1) < batch_id then
        update set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
      when matched and s.action != 'deleted' and coalesce(t.etl_transaction_id, -1) < batch_id then
        update set
${values.join('\n')}
          is_deleted = false, update_at = current_timestamp(), etl_transaction_id = batch_id
      when not matched and s.action != 'deleted' then
        insert (${[...columns, 'is_deleted', 'update_at', 'etl_transaction_id'].join(', ')})
        values (${columns.map((name) => `s.${name}`).join(', ')}, false, current_timestamp(), batch_id);
      if v_loaded > 0 then
        -- The batch contains every row of the view, so rows that it does not contain are gone.
        update ${target} t
        set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
        where not coalesce(t.is_deleted, false) and coalesce(t.etl_transaction_id, -1) < batch_id;
        set v_deleted = v_deleted + @@row_count;
      end if;
      insert into ${ledger} (view, etl_transaction_id, added, changed, deleted, applied_at)
      values (${view}, batch_id, v_added, v_changed, v_deleted, current_timestamp());
      truncate table ${temp};
      commit transaction;
    exception when error then
      rollback transaction;
      -- BigQuery has no error reason for a transaction that conflicts with another one.
      if regexp_contains(lower(@@error.message), r'concurrent update|could not serialize') then
        raise using message = concat('${code('conflict')} ', @@error.message);
      end if;
      raise;
    end;
  end if;
  select l.added, l.changed, l.deleted
  from ${ledger} l
  where l.view = ${view} and l.etl_transaction_id = batch_id;
end;
`;
}

/** Calls the procedure with the parameters @batch_id and @batch_rows. */
export function callSql(datasets: Datasets, shape: Pick<TableShape, 'target'>): string {
  return `call ${quoted(objectNames(datasets, shape).procedure)}(@batch_id, @batch_rows);`;
}

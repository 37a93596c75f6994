import type { Column, TableShape } from '../model/columns.ts';
import { countSql, type MergeNames, mergeBounds, mergeSql } from './merge-sql.ts';
import { type Datasets, objectNames, quoted, stringLiteral } from './names.ts';
import type { Layout } from './tables-sql.ts';

/** The codes that the procedure raises. BigQuery has no error codes of its own for these cases. */
export const RAISED = [
  'superseded',
  'ledger_lost',
  'staging_lost',
  'duplicate_key',
  'repeated_rows',
  'refused',
  'conflict',
] as const;
export type Raised = (typeof RAISED)[number];

/** As `batch_rows`: the batch contains the whole view, which has no rows, so that all rows of the target are gone. */
export const EMPTY_VIEW = -1n;

const code = (raised: Raised): string => `[smart-datahub:${raised}]`;

/** Returns the code that the procedure raised, from a job's error message, or null. */
export function raisedCode(message: string): Raised | null {
  const found = /\[smart-datahub:(\w+)\]/.exec(message)?.[1];
  return RAISED.find((each) => each === found) ?? null;
}

/** Indents the lines of a text, which ends with a line break. */
const indent = (spaces: number, text: string): string => text.replaceAll(/^(?=.)/gm, ' '.repeat(spaces));

/**
 * The procedure that merges one batch (docs/architecture.md#contracts). Its variables and aliases begin with v_, because a column hides a
 * variable with the same name. `dropped` are the columns of the target that the view does not have any more. Its last statement returns the counts
 * (added, changed, deleted, unchanged), and target_rows: how many rows are not deleted after a complete batch, NULL where it did not count them.
 */
export function procedureSql(
  datasets: Datasets,
  shape: TableShape,
  { partition }: Pick<Layout, 'partition'>,
  dropped: readonly Column[] = [],
): string {
  const names = objectNames(datasets, shape);
  const [temp, target, ledger] = [quoted(names.temp), quoted(names.target), quoted(names.ledger)];
  const merged: MergeNames = { temp, target, key: quoted(shape.keyColumn) };
  const { key } = merged;
  const keyType = shape.columns.find(({ name }) => name === shape.keyColumn)?.type.toLowerCase();
  const view = stringLiteral(shape.view);
  const bounds = mergeBounds(merged, shape, partition);
  return `-- Merges batch batch_id, with batch_rows staged rows, into the target of ${shape.view}, completely or not at all. Safe to repeat: for a batch
-- that is in the ledger, it changes nothing and returns the counts from there. Of a batch whose rows a load job brought into the target, which was
-- empty, it only records that they are all there, and no others. If batch_rows is ${EMPTY_VIEW}, the view is empty, and all rows are
-- marked as deleted.
create or replace procedure ${quoted(names.procedure)}(batch_id int64, batch_rows int64)
begin
  declare v_own, v_newest, v_staged, v_keys, v_loaded, v_direct, v_added, v_changed, v_deleted, v_missing, v_refused, v_repeated int64 default 0;
  declare v_target_rows int64;
  declare v_complete bool;
  declare v_low, v_high ${keyType};
  declare v_examples, v_error string;
${indent(2, bounds.declarations)}
  begin transaction;
  begin
    -- Read in the transaction: a newer batch that found nothing to change leaves its trace in the ledger alone.
    set (v_own, v_newest) = (
      select as struct countif(v_batch.etl_transaction_id = batch_id), coalesce(max(v_batch.etl_transaction_id), 0)
      from ${ledger} v_batch
      where v_batch.view = ${view}
    );
    if v_own = 0 then
      if v_newest > batch_id then
        raise using message = format('${code('superseded')} batch %d was not merged, because the newer batch %d was merged before', batch_id, v_newest);
      end if;
      set (v_staged, v_keys, v_loaded, v_low, v_high) = (
        select as struct count(*), count(distinct v_source.${key}), countif(v_source.action = 'loaded'), min(v_source.${key}), max(v_source.${key})
        from ${temp} v_source
        where v_source.etl_transaction_id = batch_id
      );
      if v_staged = 0 and batch_rows > 0 then
        -- A load job may have brought the rows of a whole view straight into the target, which has no others then.
        set (v_target_rows, v_direct) = (
          select as struct count(*), countif(v_target.etl_transaction_id = batch_id and v_target.is_deleted is false)
          from ${target} v_target
        );
        if v_target_rows != batch_rows or v_direct != batch_rows then
          raise using message = format('${code('staging_lost')} the temp table has 0 of %d staged rows, and the target has %d rows, of which %d are of the batch', batch_rows, v_target_rows, v_direct);
        end if;
        set v_added = v_direct;
      elseif v_staged < batch_rows then
        raise using message = format('${code('staging_lost')} the temp table has %d of %d staged rows', v_staged, batch_rows);
      end if;
      if v_keys < v_staged or v_staged > greatest(batch_rows, 0) then
        set v_examples = (
          select string_agg(cast(v_repeated.example as string), ', ' limit 5)
          from (
            select v_source.${key} as example from ${temp} v_source
            where v_source.etl_transaction_id = batch_id group by v_source.${key} having count(*) > 1
          ) v_repeated
        );
        raise using message = format('${code('duplicate_key')} the temp table has %d staged rows instead of %d, with %d different keys; repeated keys: %t', v_staged, batch_rows, v_keys, v_examples);
      end if;
      -- Nothing of an empty view is staged, so that its batch shows by batch_rows alone.
      set v_complete = v_loaded > 0 or batch_rows = ${EMPTY_VIEW};
      if v_complete then
${indent(8, countSql(merged, null))}        set (v_refused, v_repeated, v_target_rows) = (
          select as struct
            countif(coalesce(v_target.etl_transaction_id, -1) >= batch_id),
            count(v_target.${key}) - count(distinct v_target.${key}),
            countif(not coalesce(v_target.is_deleted, false))
          from ${target} v_target
        );
      elseif v_staged > 0 then
        if v_newest = 0 then
          raise using message = ${stringLiteral(`${code('ledger_lost')} the ledger lists no batch of view ${shape.view}, but its target is loaded`)};
        end if;
${indent(8, bounds.find)}${indent(8, countSql(merged, bounds.condition))}      end if;
      if v_refused > 0 then
        raise using message = format('${code('refused')} %d rows of the target come from batch %d or a newer one', v_refused, batch_id);
      end if;
      -- A merge would change every row of a key, and count them all.
      if v_repeated > 0 then
        raise using message = format('${code('repeated_rows')} the target has %d rows with keys that other rows have; delete all rows of these keys: %s', v_repeated, ${stringLiteral(deleteRepeated(target, key))});
      end if;
      if v_complete then
${indent(8, mergeSql(merged, { shape, dropped }, null))}        -- The batch contains every row of the view, so a row that it does not contain is gone.
        update ${target} v_target
        set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
        where not coalesce(v_target.is_deleted, false) and not exists (
          select 1 from ${temp} v_source where v_source.etl_transaction_id = batch_id and v_source.${key} = v_target.${key}
        );
        set v_missing = @@row_count;
        set v_target_rows = v_target_rows + v_added - v_deleted - v_missing;
      elseif v_staged > 0 then
${indent(8, mergeSql(merged, { shape, dropped }, bounds.condition))}      end if;
      insert into ${ledger} (view, etl_transaction_id, added, changed, deleted, unchanged, applied_at)
      values (${view}, batch_id, v_added, v_changed, v_deleted + v_missing, v_staged + v_direct - v_added - v_changed - v_deleted, current_timestamp());
      -- Of two batches that run at once, one fails here, since both change the same table.
      truncate table ${temp};
    end if;
    commit transaction;
  exception when error then
    set v_error = @@error.message;
    begin
      rollback transaction;
    exception when error then
      -- BigQuery has rolled back a transaction that it cancelled, and none is open: the first error counts.
      set v_error = coalesce(v_error, @@error.message);
    end;
    -- BigQuery has no error reason for a transaction that conflicts with another one.
    if regexp_contains(lower(v_error), r'concurrent update|could not serialize') then
      raise using message = concat('${code('conflict')} ', v_error);
    end if;
    raise;
  end;
  select v_batch.added, v_batch.changed, v_batch.deleted, coalesce(v_batch.unchanged, 0) as unchanged, v_target_rows as target_rows
  from ${ledger} v_batch
  where v_batch.view = ${view} and v_batch.etl_transaction_id = batch_id;
end;
`;
}

/** Deletes all rows whose keys more than one row of a table has. `key` is quoted, and so is `table`. */
export const deleteRepeated = (table: string, key: string): string =>
  `delete from ${table} where ${key} in (select ${key} from ${table} group by ${key} having count(*) > 1)`;

/** Calls the procedure with the parameters @batch_id and @batch_rows. */
export function callSql(datasets: Datasets, shape: Pick<TableShape, 'target'>): string {
  return `call ${quoted(objectNames(datasets, shape).procedure)}(@batch_id, @batch_rows);`;
}

-- Merges batch batch_id, with batch_rows staged rows, into the target of pmr_project, completely or not at all. Safe to repeat: for a batch
-- that is in the ledger, it changes nothing and returns the counts from there. If batch_rows is -1, the view is empty, and all rows are
-- marked as deleted.
create or replace procedure `your-project.SMartDataAnalytics.merge_project`(batch_id int64, batch_rows int64)
begin
  declare v_own, v_newest, v_staged, v_keys, v_loaded, v_added, v_changed, v_deleted, v_missing, v_refused, v_repeated int64 default 0;
  declare v_target_rows int64;
  declare v_complete bool;
  declare v_low, v_high int64;
  declare v_examples, v_error string;

  begin transaction;
  begin
    -- Read in the transaction: a newer batch that found nothing to change leaves its trace in the ledger alone.
    set (v_own, v_newest) = (
      select as struct countif(v_batch.etl_transaction_id = batch_id), coalesce(max(v_batch.etl_transaction_id), 0)
      from `your-project.SMartData_Temp.applied_batch` v_batch
      where v_batch.view = 'pmr_project'
    );
    if v_own = 0 then
      if v_newest > batch_id then
        raise using message = format('[smart-datahub:superseded] batch %d was not merged, because the newer batch %d was merged before', batch_id, v_newest);
      end if;
      set (v_staged, v_keys, v_loaded, v_low, v_high) = (
        select as struct count(*), count(distinct v_source.`project_id`), countif(v_source.action = 'loaded'), min(v_source.`project_id`), max(v_source.`project_id`)
        from `your-project.SMartData_Temp.temp_project` v_source
        where v_source.etl_transaction_id = batch_id
      );
      if v_staged < batch_rows then
        raise using message = format('[smart-datahub:staging_lost] the temp table has %d of %d staged rows', v_staged, batch_rows);
      end if;
      if v_keys < v_staged or v_staged > greatest(batch_rows, 0) then
        set v_examples = (
          select string_agg(cast(v_repeated.example as string), ', ' limit 5)
          from (
            select v_source.`project_id` as example from `your-project.SMartData_Temp.temp_project` v_source
            where v_source.etl_transaction_id = batch_id group by v_source.`project_id` having count(*) > 1
          ) v_repeated
        );
        raise using message = format('[smart-datahub:duplicate_key] the temp table has %d staged rows instead of %d, with %d different keys; repeated keys: %t', v_staged, batch_rows, v_keys, v_examples);
      end if;
      -- Nothing of an empty view is staged, so that its batch shows by batch_rows alone.
      set v_complete = v_loaded > 0 or batch_rows = -1;
      if v_complete then
        set (v_added, v_deleted, v_refused, v_repeated) = (
          select as struct
            countif(v_source.action != 'deleted' and (v_target.`project_id` is null or coalesce(v_target.is_deleted, false))),
            countif(v_source.action = 'deleted' and v_target.`project_id` is not null and not coalesce(v_target.is_deleted, false)),
            countif(coalesce(v_target.etl_transaction_id, -1) >= batch_id),
            count(*) - v_staged
          from `your-project.SMartData_Temp.temp_project` v_source
          left join `your-project.SMartDataAnalytics.project` v_target on v_target.`project_id` = v_source.`project_id`
          where v_source.etl_transaction_id = batch_id
        );
        set (v_refused, v_repeated, v_target_rows) = (
          select as struct
            countif(coalesce(v_target.etl_transaction_id, -1) >= batch_id),
            count(v_target.`project_id`) - count(distinct v_target.`project_id`),
            countif(not coalesce(v_target.is_deleted, false))
          from `your-project.SMartDataAnalytics.project` v_target
        );
      elseif v_staged > 0 then
        if v_newest = 0 then
          raise using message = '[smart-datahub:ledger_lost] the ledger lists no batch of view pmr_project, but its target is loaded';
        end if;
        set (v_added, v_deleted, v_refused, v_repeated) = (
          select as struct
            countif(v_source.action != 'deleted' and (v_target.`project_id` is null or coalesce(v_target.is_deleted, false))),
            countif(v_source.action = 'deleted' and v_target.`project_id` is not null and not coalesce(v_target.is_deleted, false)),
            countif(coalesce(v_target.etl_transaction_id, -1) >= batch_id),
            count(*) - v_staged
          from `your-project.SMartData_Temp.temp_project` v_source
          left join `your-project.SMartDataAnalytics.project` v_target on v_target.`project_id` = v_source.`project_id` and v_target.`project_id` between v_low and v_high
          where v_source.etl_transaction_id = batch_id
        );
      end if;
      if v_refused > 0 then
        raise using message = format('[smart-datahub:refused] %d rows of the target come from batch %d or a newer one', v_refused, batch_id);
      end if;
      -- A merge would change every row of a key, and count them all.
      if v_repeated > 0 then
        raise using message = format('[smart-datahub:repeated_rows] the target has %d rows with keys that other rows have; delete all rows of these keys: %s', v_repeated, 'delete from `your-project.SMartDataAnalytics.project` where `project_id` in (select `project_id` from `your-project.SMartDataAnalytics.project` group by `project_id` having count(*) > 1)');
      end if;
      if v_complete then
        merge `your-project.SMartDataAnalytics.project` v_target
        using (select * from `your-project.SMartData_Temp.temp_project` where etl_transaction_id = batch_id) v_source
        on v_target.`project_id` = v_source.`project_id`
        when matched and coalesce(v_target.etl_transaction_id, -1) < batch_id and v_source.action = 'deleted' and not coalesce(v_target.is_deleted, false) then
          update set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
        when matched and coalesce(v_target.etl_transaction_id, -1) < batch_id and v_source.action != 'deleted' and (
            coalesce(v_target.is_deleted, false)
            or v_target.`name` is distinct from v_source.`name`
            or v_target.`company` is distinct from v_source.`company`
            or v_target.`share` is distinct from v_source.`share`
            or v_target.`opened` is distinct from v_source.`opened`
          ) then
          update set
            `name` = v_source.`name`,
            `company` = v_source.`company`,
            `share` = v_source.`share`,
            `opened` = v_source.`opened`,
            is_deleted = false, update_at = current_timestamp(), etl_transaction_id = batch_id
        when not matched and v_source.action != 'deleted' then
          insert (`project_id`, `name`, `company`, `share`, `opened`, is_deleted, update_at, etl_transaction_id)
          values (v_source.`project_id`, v_source.`name`, v_source.`company`, v_source.`share`, v_source.`opened`, false, current_timestamp(), batch_id);
        set v_changed = @@row_count - v_added - v_deleted;
        -- The batch contains every row of the view, so a row that it does not contain is gone.
        update `your-project.SMartDataAnalytics.project` v_target
        set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
        where not coalesce(v_target.is_deleted, false) and not exists (
          select 1 from `your-project.SMartData_Temp.temp_project` v_source where v_source.etl_transaction_id = batch_id and v_source.`project_id` = v_target.`project_id`
        );
        set v_missing = @@row_count;
        set v_target_rows = v_target_rows + v_added - v_deleted - v_missing;
      elseif v_staged > 0 then
        merge `your-project.SMartDataAnalytics.project` v_target
        using (select * from `your-project.SMartData_Temp.temp_project` where etl_transaction_id = batch_id) v_source
        on v_target.`project_id` = v_source.`project_id` and v_target.`project_id` between v_low and v_high
        when matched and coalesce(v_target.etl_transaction_id, -1) < batch_id and v_source.action = 'deleted' and not coalesce(v_target.is_deleted, false) then
          update set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
        when matched and coalesce(v_target.etl_transaction_id, -1) < batch_id and v_source.action != 'deleted' and (
            coalesce(v_target.is_deleted, false)
            or v_target.`name` is distinct from v_source.`name`
            or v_target.`company` is distinct from v_source.`company`
            or v_target.`share` is distinct from v_source.`share`
            or v_target.`opened` is distinct from v_source.`opened`
          ) then
          update set
            `name` = v_source.`name`,
            `company` = v_source.`company`,
            `share` = v_source.`share`,
            `opened` = v_source.`opened`,
            is_deleted = false, update_at = current_timestamp(), etl_transaction_id = batch_id
        when not matched and v_source.action != 'deleted' then
          insert (`project_id`, `name`, `company`, `share`, `opened`, is_deleted, update_at, etl_transaction_id)
          values (v_source.`project_id`, v_source.`name`, v_source.`company`, v_source.`share`, v_source.`opened`, false, current_timestamp(), batch_id);
        set v_changed = @@row_count - v_added - v_deleted;
      end if;
      insert into `your-project.SMartData_Temp.applied_batch` (view, etl_transaction_id, added, changed, deleted, unchanged, applied_at)
      values ('pmr_project', batch_id, v_added, v_changed, v_deleted + v_missing, v_staged - v_added - v_changed - v_deleted, current_timestamp());
      -- Of two batches that run at once, one fails here, since both change the same table.
      truncate table `your-project.SMartData_Temp.temp_project`;
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
      raise using message = concat('[smart-datahub:conflict] ', v_error);
    end if;
    raise;
  end;
  select v_batch.added, v_batch.changed, v_batch.deleted, coalesce(v_batch.unchanged, 0) as unchanged, v_target_rows as target_rows
  from `your-project.SMartData_Temp.applied_batch` v_batch
  where v_batch.view = 'pmr_project' and v_batch.etl_transaction_id = batch_id;
end;

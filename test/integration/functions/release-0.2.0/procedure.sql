-- The procedure of release 0.2.0 for the view pmr_project of test/support/source.sql.
create or replace procedure `your-project.SMartDataAnalytics.merge_project`(batch_id int64, batch_rows int64)
begin
  declare v_own, v_newest, v_staged, v_keys, v_loaded, v_added, v_changed, v_deleted, v_refused int64 default 0;
  declare v_low, v_high int64;
  declare v_examples string;

  set (v_own, v_newest) = (
    select as struct countif(l.etl_transaction_id = batch_id), coalesce(max(l.etl_transaction_id), 0)
    from `your-project.SMartData_Temp.applied_batch` l
    where l.view = 'pmr_project' and l.etl_transaction_id >= batch_id
  );
  if v_own = 0 then
    if v_newest > batch_id then
      raise using message = format('[smart-datahub:superseded] batch %d was not merged, because the newer batch %d was merged before', batch_id, v_newest);
    end if;
    begin transaction;
    begin
      set (v_staged, v_keys, v_loaded, v_low, v_high) = (
        select as struct count(*), count(distinct s.`project_id`), countif(s.action = 'loaded'), min(s.`project_id`), max(s.`project_id`)
        from `your-project.SMartData_Temp.temp_project` s
        where s.etl_transaction_id = batch_id
      );
      if v_staged < batch_rows then
        raise using message = format('[smart-datahub:staging_lost] the temp table has %d of %d staged rows', v_staged, batch_rows);
      end if;
      if v_keys < v_staged or v_staged > batch_rows then
        set v_examples = (
          select string_agg(cast(d.example as string), ', ' limit 5)
          from (
            select s.`project_id` as example from `your-project.SMartData_Temp.temp_project` s
            where s.etl_transaction_id = batch_id group by s.`project_id` having count(*) > 1
          ) d
        );
        raise using message = format('[smart-datahub:duplicate_key] the temp table has %d staged rows instead of %d, with %d different keys; repeated keys: %t', v_staged, batch_rows, v_keys, v_examples);
      end if;
      set (v_added, v_changed, v_deleted, v_refused) = (
        select as struct
          countif(s.action != 'deleted' and coalesce(t.is_deleted, true)),
          countif(s.action != 'deleted' and not coalesce(t.is_deleted, true)),
          countif(s.action = 'deleted' and not coalesce(t.is_deleted, true)),
          countif(coalesce(t.etl_transaction_id, -1) >= batch_id)
        from `your-project.SMartData_Temp.temp_project` s
        left join `your-project.SMartDataAnalytics.project` t on t.`project_id` = s.`project_id` and t.`project_id` between v_low and v_high
        where s.etl_transaction_id = batch_id
      );
      if v_loaded > 0 then
        set v_refused = (select countif(coalesce(t.etl_transaction_id, -1) >= batch_id) from `your-project.SMartDataAnalytics.project` t);
      end if;
      if v_refused > 0 then
        raise using message = format('[smart-datahub:refused] %d rows of the target come from batch %d or a newer one', v_refused, batch_id);
      end if;
      merge `your-project.SMartDataAnalytics.project` t
      using (select * from `your-project.SMartData_Temp.temp_project` where etl_transaction_id = batch_id) s
      on t.`project_id` = s.`project_id` and t.`project_id` between v_low and v_high
      when matched and s.action = 'deleted' and coalesce(t.etl_transaction_id, -1) < batch_id then
        update set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
      when matched and s.action != 'deleted' and coalesce(t.etl_transaction_id, -1) < batch_id then
        update set
          `name` = s.`name`,
          `company` = s.`company`,
          `share` = s.`share`,
          `opened` = s.`opened`,
          is_deleted = false, update_at = current_timestamp(), etl_transaction_id = batch_id
      when not matched and s.action != 'deleted' then
        insert (`project_id`, `name`, `company`, `share`, `opened`, is_deleted, update_at, etl_transaction_id)
        values (s.`project_id`, s.`name`, s.`company`, s.`share`, s.`opened`, false, current_timestamp(), batch_id);
      if v_loaded > 0 then
        -- The batch contains every row of the view, so rows that it does not contain are gone.
        update `your-project.SMartDataAnalytics.project` t
        set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
        where not coalesce(t.is_deleted, false) and coalesce(t.etl_transaction_id, -1) < batch_id;
        set v_deleted = v_deleted + @@row_count;
      end if;
      insert into `your-project.SMartData_Temp.applied_batch` (view, etl_transaction_id, added, changed, deleted, applied_at)
      values ('pmr_project', batch_id, v_added, v_changed, v_deleted, current_timestamp());
      truncate table `your-project.SMartData_Temp.temp_project`;
      commit transaction;
    exception when error then
      rollback transaction;
      -- BigQuery has no error reason for a transaction that conflicts with another one.
      if regexp_contains(lower(@@error.message), r'concurrent update|could not serialize') then
        raise using message = concat('[smart-datahub:conflict] ', @@error.message);
      end if;
      raise;
    end;
  end if;
  select l.added, l.changed, l.deleted
  from `your-project.SMartData_Temp.applied_batch` l
  where l.view = 'pmr_project' and l.etl_transaction_id = batch_id;
end;

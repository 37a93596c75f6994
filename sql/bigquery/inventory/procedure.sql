-- Merges batch batch_id, with batch_rows staged rows, into the target of pmr_inventory, completely or not at all. Safe to repeat: for a batch
-- that is in the ledger, it changes nothing and returns the counts from there.
create or replace procedure `your-project.SMartDataAnalytics.merge_inventory`(batch_id int64, batch_rows int64)
begin
  declare v_own, v_newest, v_staged, v_keys, v_loaded, v_added, v_changed, v_deleted, v_refused int64 default 0;
  declare v_low, v_high int64;
  declare v_examples string;

  set (v_own, v_newest) = (
    select as struct countif(l.etl_transaction_id = batch_id), coalesce(max(l.etl_transaction_id), 0)
    from `your-project.SMartData_Temp.applied_batch` l
    where l.view = 'pmr_inventory' and l.etl_transaction_id >= batch_id
  );
  if v_own = 0 then
    if v_newest > batch_id then
      raise using message = format('[smart-datahub:superseded] batch %d was not merged, because the newer batch %d was merged before', batch_id, v_newest);
    end if;
    begin transaction;
    begin
      set (v_staged, v_keys, v_loaded, v_low, v_high) = (
        select as struct count(*), count(distinct s.`inventory_id`), countif(s.action = 'loaded'), min(s.`inventory_id`), max(s.`inventory_id`)
        from `your-project.SMartData_Temp.temp_inventory` s
        where s.etl_transaction_id = batch_id
      );
      if v_staged < batch_rows then
        raise using message = format('[smart-datahub:staging_lost] the temp table has %d of %d staged rows', v_staged, batch_rows);
      end if;
      if v_keys < v_staged or v_staged > batch_rows then
        set v_examples = (
          select string_agg(cast(d.example as string), ', ' limit 5)
          from (
            select s.`inventory_id` as example from `your-project.SMartData_Temp.temp_inventory` s
            where s.etl_transaction_id = batch_id group by s.`inventory_id` having count(*) > 1
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
        from `your-project.SMartData_Temp.temp_inventory` s
        left join `your-project.SMartDataAnalytics.inventory` t on t.`inventory_id` = s.`inventory_id` and t.`inventory_id` between v_low and v_high
        where s.etl_transaction_id = batch_id
      );
      if v_loaded > 0 then
        set v_refused = (select countif(coalesce(t.etl_transaction_id, -1) >= batch_id) from `your-project.SMartDataAnalytics.inventory` t);
      end if;
      if v_refused > 0 then
        raise using message = format('[smart-datahub:refused] %d rows of the target come from batch %d or a newer one', v_refused, batch_id);
      end if;
      merge `your-project.SMartDataAnalytics.inventory` t
      using (select * from `your-project.SMartData_Temp.temp_inventory` where etl_transaction_id = batch_id) s
      on t.`inventory_id` = s.`inventory_id` and t.`inventory_id` between v_low and v_high
      when matched and s.action = 'deleted' and coalesce(t.etl_transaction_id, -1) < batch_id then
        update set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
      when matched and s.action != 'deleted' and coalesce(t.etl_transaction_id, -1) < batch_id then
        update set
          `serial_number` = s.`serial_number`,
          `customer_warranty_start` = s.`customer_warranty_start`,
          `customer_warranty_end` = s.`customer_warranty_end`,
          `brand` = s.`brand`,
          `model` = s.`model`,
          `product_type` = s.`product_type`,
          `project_id` = s.`project_id`,
          is_deleted = false, update_at = current_timestamp(), etl_transaction_id = batch_id
      when not matched and s.action != 'deleted' then
        insert (`inventory_id`, `serial_number`, `customer_warranty_start`, `customer_warranty_end`, `brand`, `model`, `product_type`, `project_id`, is_deleted, update_at, etl_transaction_id)
        values (s.`inventory_id`, s.`serial_number`, s.`customer_warranty_start`, s.`customer_warranty_end`, s.`brand`, s.`model`, s.`product_type`, s.`project_id`, false, current_timestamp(), batch_id);
      if v_loaded > 0 then
        -- The batch contains every row of the view, so rows that it does not contain are gone.
        update `your-project.SMartDataAnalytics.inventory` t
        set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
        where not coalesce(t.is_deleted, false) and coalesce(t.etl_transaction_id, -1) < batch_id;
        set v_deleted = v_deleted + @@row_count;
      end if;
      insert into `your-project.SMartData_Temp.applied_batch` (view, etl_transaction_id, added, changed, deleted, applied_at)
      values ('pmr_inventory', batch_id, v_added, v_changed, v_deleted, current_timestamp());
      truncate table `your-project.SMartData_Temp.temp_inventory`;
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
  where l.view = 'pmr_inventory' and l.etl_transaction_id = batch_id;
end;

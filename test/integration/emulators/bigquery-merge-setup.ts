/** A merge procedure in the style of the product's, with the tables that it works on, as one script. */
export const MERGE_SETUP = `
create table if not exists \`p1.d.project\` (
  project_id int64 not null, enq string, project_name string, project_start date, is_deleted bool, update_at timestamp,
  etl_transaction_id int64, primary key (project_id) not enforced
)
partition by date_trunc(project_start, month) cluster by project_start
options (description = 'x', labels = [('managed-by', 'smart-datahub')]);

create table if not exists \`p1.d.temp_project\` (
  project_id int64, enq string, project_name string, project_start date, action string, etl_transaction_id int64
)
cluster by action;

create table if not exists \`p1.d.applied_batch\` (
  view string, etl_transaction_id int64, added int64, changed int64, deleted int64, applied_at timestamp
);

create or replace procedure \`p1.d.merge_project\`(batch_id int64, batch_rows int64)
begin
  declare v_own, v_newer, v_staged, v_keys, v_added, v_changed, v_deleted, v_refused int64 default 0;
  declare v_low, v_high int64;
  declare v_examples string;
  set (v_own, v_newer) = (
    select as struct countif(l.etl_transaction_id = batch_id), coalesce(max(l.etl_transaction_id), 0)
    from \`p1.d.applied_batch\` l where l.view = 'pmr_project' and l.etl_transaction_id >= batch_id);
  if v_own = 0 then
    if v_newer > batch_id then
      raise using message = format('[smart-datahub:superseded] batch %d is older than %d', batch_id, v_newer);
    end if;
    begin
      begin transaction;
      set (v_staged, v_keys, v_low, v_high) = (
        select as struct count(*), count(distinct s.project_id), min(s.project_id), max(s.project_id)
        from \`p1.d.temp_project\` s where s.etl_transaction_id = batch_id);
      if v_staged < batch_rows then raise using message = format('[smart-datahub:staging_lost] %d of %d rows', v_staged, batch_rows); end if;
      if v_keys < v_staged then
        set v_examples = (select string_agg(cast(k as string), ', ' limit 5) from (select s.project_id k from \`p1.d.temp_project\` s where s.etl_transaction_id = batch_id group by 1 having count(*) > 1));
        raise using message = format('[smart-datahub:duplicate_key] %s', v_examples);
      end if;
      set (v_added, v_changed, v_deleted, v_refused) = (
        select as struct
          countif(s.action != 'deleted' and coalesce(t.is_deleted, true)),
          countif(s.action != 'deleted' and not coalesce(t.is_deleted, true)),
          countif(s.action = 'deleted' and not coalesce(t.is_deleted, true)),
          countif(t.etl_transaction_id >= batch_id)
        from \`p1.d.temp_project\` s
        left join \`p1.d.project\` t on t.project_id = s.project_id and t.project_id between v_low and v_high
        where s.etl_transaction_id = batch_id);
      if v_refused > 0 then raise using message = format('[smart-datahub:refused] %d rows', v_refused); end if;
      merge \`p1.d.project\` t
      using (select * from \`p1.d.temp_project\` where etl_transaction_id = batch_id) s
      on t.project_id = s.project_id and t.project_id between v_low and v_high
      when matched and s.action = 'deleted' and coalesce(t.etl_transaction_id, -1) < batch_id then
        update set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
      when matched and s.action != 'deleted' and coalesce(t.etl_transaction_id, -1) < batch_id then
        update set enq = s.enq, project_name = s.project_name, is_deleted = false, update_at = current_timestamp(), etl_transaction_id = batch_id
      when not matched and s.action != 'deleted' then
        insert (project_id, enq, is_deleted, update_at, etl_transaction_id) values (s.project_id, s.enq, false, current_timestamp(), batch_id);
      insert into \`p1.d.applied_batch\` (view, etl_transaction_id, added, changed, deleted, applied_at)
      values ('pmr_project', batch_id, v_added, v_changed, v_deleted, current_timestamp());
      truncate table \`p1.d.temp_project\`;
      commit transaction;
    exception when error then
      rollback transaction;
      raise;
    end;
  end if;
  select l.added, l.changed, l.deleted from \`p1.d.applied_batch\` l
  where l.view = 'pmr_project' and l.etl_transaction_id = batch_id;
end;
`;

-- models_logging_change: log rows of the last 90 days for every content type, with holes in the ids where transactions were
-- rolled back. Some of the objects have been deleted since.
with kinds (kind, content_type_id, class_name, objects, field, value, other_value) as (
  values
    (0, 7, 'Project', seed.projects(), 'customer_po', '"PO100001"'::jsonb, 'null'::jsonb),
    (1, 7, 'Project', seed.projects(), 'project_end', '"2027-10-29"', '"2026-10-29"'),
    (2, 14, 'Inventory', seed.inventories(), 'serial_number', '"SN\"1\"\\\t"', '""'),
    (3, 14, 'Inventory', seed.inventories(), 'part_detail', '{"disks": 4}', '{}'),
    (4, 36, 'PreventiveMaintenance', seed.plans(), 'ended_pm_date', '"2025-12-24"', 'null'),
    (5, 36, 'PreventiveMaintenance', seed.plans(), 'remark', '"ครั้งที่ 2"', '"2/4"'),
    (6, 37, 'PM_Inventory', seed.items(), 'is_pm', 'true', 'false'),
    (7, 37, 'PM_Inventory', seed.items(), 'actual_date', '"2025-12-01"', 'null'),
    (8, 37, 'PM_Inventory', seed.items(), 'document_engineer_id', '12', '7'),
    (9, 18, 'Incident', seed.incidents(), 'incident_status_id', '2', '1'),
    (10, 18, 'Incident', seed.incidents(), 'incident_close_datetime', '"2025-12-01T03:04:05.678Z"', 'null'),
    (11, 8, 'Company', seed.companies(), 'company_name', '"Andaman Hotels 7"', '"Andaman Hotel 7"'),
    (12, 9, 'Employee', seed.employees(), 'employee_name', '"วิภา Srisuk"', '"วิภา ใจดี"'),
    (13, 11, 'Model', seed.models(), 'model_name', '"Pro 4410"', '"Pro 441"'),
    (14, 4, 'User', 40::bigint, 'is_active', 'false', 'true')
), logged as (
  select
    n,
    n + n / 8 + 50 * (n / 5000) as id,
    seed.between(n, 'log kind', 0, 14) as kind,
    seed.pick(n, 'log action', array['changed', 'changed', 'changed', 'changed', 'changed', 'changed', 'added', 'deleted']) as action,
    timestamptz '2025-12-31 23:59:59+00' - (seed.log_rows() - n) * interval '90 days' / seed.log_rows()
      + seed.between(n, 'log µs', 0, 999999) * interval '1 microsecond' as date_created
  from generate_series(1, seed.log_rows()) as n
)
insert into models_logging_change
  (id, date_created, user_id, object_id, content_type_id, changed_data, object_repr, revision_id, action, extras)
select
  logged.id,
  date_created,
  null,
  object_id::text,
  content_type_id,
  case action
    when 'added' then jsonb_build_object('id', jsonb_build_object('old', null, 'new', object_id),
      field, jsonb_build_object('old', null, 'new', value), 'updated_at', jsonb_build_object('old', null, 'new', saved_at))
    when 'changed' then jsonb_build_object(field, jsonb_build_object('old', other_value, 'new', value),
      'updated_at', jsonb_build_object('old', saved_before, 'new', saved_at))
    else jsonb_build_object('id', jsonb_build_object('old', object_id), field, jsonb_build_object('old', value),
      'updated_at', jsonb_build_object('old', saved_before))
  end,
  class_name || ' object (' || object_id || ')',
  null,
  action,
  '{}'
from logged
join kinds using (kind),
  -- One object in twenty has an id above all existing ones: it has been deleted.
  seed.between(n, 'log object', 1, objects + objects / 20) as object_id,
  cast(to_char(date_created at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as text) as saved_at,
  cast(to_char(date_created at time zone 'UTC' - interval '3 days', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as text) as saved_before
order by logged.id;

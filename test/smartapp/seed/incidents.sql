-- app_incident: incidents of six years, within the ten years that BigQuery accepts for streaming into a partitioned table.
insert into app_incident
  (id, inventory_id, incident_no, incident_datetime, incident_close_datetime, incident_problem_start, incident_problem_end,
   incident_owner_id, incident_severity_id, incident_status_id, incident_type_id, service_type_id, incident_subject,
   incident_description, failure_type, updated_at)
select
  n,
  seed.between(n, 'inventory', 1, seed.inventories()),
  'INC' || to_char(opened at time zone 'UTC', 'YYMM') || '-' || lpad(n::text, 7, '0'),
  opened,
  case when status in (3, 4) then opened + seed.between(n, 'open for', 600, 90 * 86400) * interval '1 second' end,
  case when seed.chance(n, 'problem', 0.6) then opened - interval '35 minutes' end,
  case when seed.chance(n, 'problem', 0.4) and status in (3, 4) then opened + interval '2 hours' end,
  case when seed.chance(n, 'owned', 0.97) then seed.between(n, 'owner', 1, seed.employees()) end,
  case when seed.chance(n, 'severe', 0.99) then seed.between(n, 'severity', 1, 4) end,
  status,
  case when seed.chance(n, 'typed', 0.99) then seed.between(n, 'type', 1, 6) end,
  case when seed.chance(n, 'served', 0.98) then seed.between(n, 'service', 1, 5) end,
  left(seed.typed(n, 'subject', seed.pick(n, 'subject', array[
    'Disk failure', 'เครื่องเปิดไม่ติด', 'Link down', 'ไฟดับบ่อย', 'Cannot log in', 'Fan noise', 'แจ้งเตือนอุณหภูมิสูง'])), 255),
  case when seed.chance(n, 'described', 0.9) then repeat(
    seed.typed(n, 'description', 'ลูกค้าแจ้งว่า the system does not respond; ตรวจสอบแล้วพบข้อผิดพลาด.') || chr(10),
    case when seed.chance(n, 'long', 0.02) then 60 else seed.between(n, 'description length', 1, 4)::integer end)
    when seed.chance(n, 'described', 0.95) then '' end,
  seed.pick(n, 'failure', array['Disk', 'Power', 'Fan', 'Memory', '', null]),
  seed.saved_at(n, 'incident')
from generate_series(1, seed.incidents()) as n,
  cast(seed.today()::timestamp at time zone 'UTC' - seed.between(n, 'opened', 1, 6 * 365 * 86400::bigint) * interval '1 second'
    as timestamptz) as opened,
  cast(case when seed.is_chosen(n, seed.closed_incidents(), seed.incidents()) then 3
    else (array[1, 2, 4, 4, 4, 5, 6])[seed.between(n, 'status', 1, 7)] end as integer) as status;

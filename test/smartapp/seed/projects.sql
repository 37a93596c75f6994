-- app_project: starts over twelve years, a few without dates, dummies spread evenly.
insert into app_project
  (id, enq_id, project_name, company_id, is_dummy, project_start, project_end, customer_po, contract_no, has_pm, pm_des, updated_at)
select
  n,
  'ENQ-' || (2014 + n % 12) || '-' || lpad(n::text, 6, '0'),
  left(seed.typed(n, 'project', seed.pick(n, 'project name', array[
    'Data Center Refresh', 'ระบบเครือข่ายสำนักงานใหญ่', 'จัดซื้อเครื่องแม่ข่าย', 'Backup & Recovery', 'บำรุงรักษาระบบคอมพิวเตอร์',
    'Campus Wi-Fi', 'ติดตั้งกล้องวงจรปิด', 'Disaster Recovery Site', 'UPS Replacement'])
    || case when seed.chance(n, 'phase', 0.4) then ' เฟส ' || seed.between(n, 'phase number', 1, 4) else '' end), 255),
  seed.between(n, 'company', 1, seed.companies()),
  seed.is_chosen(n, seed.dummy_projects(), seed.projects()),
  start,
  start + (365 * seed.between(n, 'years', 1, 5) - 1)::integer,
  case when seed.chance(n, 'po', 0.7) then 'PO' || seed.between(n, 'po number', 100000, 999999) end,
  case when seed.chance(n, 'contract', 0.5) then 'C-' || n || '/25' || (57 + n % 12) when seed.chance(n, 'contract', 0.6) then '' end,
  seed.chance(n, 'pm', 0.8),
  case when seed.chance(n, 'pm', 0.6) then seed.typed(n, 'pm', 'ปีละ ' || seed.between(n, 'visits', 1, 12) || ' ครั้ง') end,
  seed.saved_at(n, 'project')
from generate_series(1, seed.projects()) as n,
  cast(case when seed.chance(n, 'start', 0.97)
    then seed.today() - seed.between(n, 'start day', 1, 12 * 365)::integer end as date) as start;

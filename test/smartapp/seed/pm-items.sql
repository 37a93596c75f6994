-- app_pm_inventory: the equipment that a plan covers, all from the plan's own project.
insert into app_pm_inventory
  (id, pm_master_id, inventory_id, is_pm, pm_engineer_id, actual_date, call_number, document_date, document_engineer_id,
   pm_document_number, remark, updated_at)
select
  n,
  plan,
  first_inventory + floor(seed.random(n, 'inventory') * (next_inventory - first_inventory))::bigint,
  is_done or seed.chance(n, 'is pm', 0.2),
  case when is_done then seed.between(n, 'engineer', 1, seed.employees()) end,
  case when is_done then actual end,
  case when seed.chance(n, 'call', 0.3) then 'CALL' || lpad(n::text, 8, '0') end,
  case when has_document then actual + seed.between(n, 'document days', 0, 30)::integer end,
  case when has_document and seed.chance(n, 'document engineer', 0.98) then seed.between(n, 'writer', 1, seed.employees()) end,
  case when has_document then 'PM-' || n end,
  case when seed.chance(n, 'remark', 0.15) then seed.typed(n, 'remark', seed.pick(n, 'remark', array[
    'ปกติ', 'Replaced fan', 'เปลี่ยนแบตเตอรี่', 'Firmware updated', ''])) end,
  seed.saved_at(n, 'item')
from generate_series(1, seed.items()) as n,
  seed.parent(n, seed.items(), seed.plans()) as plan,
  seed.parent(plan, seed.plans(), seed.projects()) as project,
  seed.first_child(project, seed.inventories(), seed.projects()) as first_inventory,
  seed.first_child(project + 1, seed.inventories(), seed.projects()) as next_inventory,
  seed.chance(n, 'done', 0.85) as is_done,
  cast(is_done and seed.chance(n, 'document', 0.8) as boolean) as has_document,
  cast(seed.today() - seed.between(plan, 'actual day', 1, 12 * 365)::integer as date) as actual;

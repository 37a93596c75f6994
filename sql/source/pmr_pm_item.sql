-- The source view of preventive maintenance items: one row per piece of equipment in a plan. Safe to repeat.
create or replace view pmr_pm_item as
select
  item.id as pm_item_id,
  item.pm_master_id as pm_id,
  item.is_pm,
  pm_engineer.employee_name as pm_engineer,
  item.actual_date,
  document_engineer.employee_name as document_engineer,
  item.document_date,
  item.inventory_id,
  item.actual_date is not null
    and item.document_date is not null
    and item.pm_engineer_id is not null
    and item.document_engineer_id is not null as is_complete,
  item.updated_at
from app_pm_inventory as item
left join app_employee as pm_engineer on pm_engineer.id = item.pm_engineer_id
left join app_employee as document_engineer on document_engineer.id = item.document_engineer_id;

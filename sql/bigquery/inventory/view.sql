-- pmr_inventory for reports: rows that are not deleted, from the last five years. Safe to repeat.
create or replace view `your-project.View_SMartData.view_inventory` as
select
  `inventory_id`,
  `serial_number`,
  `customer_warranty_start`,
  `customer_warranty_end`,
  `brand`,
  `model`,
  `product_type`,
  `project_id`,
  `is_deleted`,
  `update_at`
from `your-project.SMartDataAnalytics.inventory`
where is_deleted is not true
  and (`update_at` is null or date(`update_at`) >= date_sub(current_date('UTC'), interval 5 year));

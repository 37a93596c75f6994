-- The target, BigQuery's copy of pmr_inventory. Safe to repeat.
create table if not exists `your-project.SMartDataAnalytics.inventory` (
  `inventory_id` int64 not null,
  `serial_number` string,
  `customer_warranty_start` date,
  `customer_warranty_end` date,
  `brand` string,
  `model` string,
  `product_type` string,
  `project_id` int64,
  `is_deleted` bool,
  `update_at` timestamp,
  `etl_transaction_id` int64,
  primary key (`inventory_id`) not enforced
)
partition by date_trunc(`customer_warranty_start`, year)
cluster by `inventory_id`, `project_id`, `brand`, `model`
options (description = 'Copy of pmr_inventory; deleted rows stay, with is_deleted');

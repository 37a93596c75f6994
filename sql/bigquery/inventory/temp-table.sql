-- The staged rows of pmr_inventory until they are merged. Safe to repeat.
create table if not exists `your-project.SMartData_Temp.temp_inventory` (
  `inventory_id` int64 not null,
  `serial_number` string,
  `customer_warranty_start` date,
  `customer_warranty_end` date,
  `brand` string,
  `model` string,
  `product_type` string,
  `project_id` int64,
  `action` string,
  `etl_transaction_id` int64
)
cluster by action
options (description = 'Staged rows of pmr_inventory');

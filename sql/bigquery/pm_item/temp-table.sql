-- The staged rows of pmr_pm_item until they are merged. Safe to repeat.
create table if not exists `your-project.SMartData_Temp.temp_pm_item` (
  `pm_item_id` int64 not null,
  `pm_id` int64,
  `is_pm` bool,
  `pm_engineer` string,
  `actual_date` date,
  `document_engineer` string,
  `document_date` date,
  `inventory_id` int64,
  `is_complete` bool,
  `action` string,
  `etl_transaction_id` int64
)
cluster by action
options (description = 'Staged rows of pmr_pm_item');

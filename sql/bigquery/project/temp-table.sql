-- The staged rows of pmr_project until they are merged. Safe to repeat.
create table if not exists `your-project.SMartData_Temp.temp_project` (
  `project_id` int64 not null,
  `enq` string,
  `project_name` string,
  `project_start` date,
  `project_end` date,
  `company_id` int64,
  `company` string,
  `has_pm` bool,
  `action` string,
  `etl_transaction_id` int64
)
cluster by action
options (description = 'Staged rows of pmr_project');

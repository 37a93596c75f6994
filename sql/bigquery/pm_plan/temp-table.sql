-- The staged rows of pmr_pm_plan until they are merged. Safe to repeat.
create table if not exists `your-project.SMartData_Temp.temp_pm_plan` (
  `pm_id` int64 not null,
  `project_id` int64,
  `planned_date` date,
  `ended_pm_date` date,
  `pm_period` string,
  `team_lead` string,
  `action` string,
  `etl_transaction_id` int64
)
cluster by action
options (description = 'Staged rows of pmr_pm_plan');

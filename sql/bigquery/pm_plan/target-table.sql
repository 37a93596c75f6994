-- The target, BigQuery's copy of pmr_pm_plan. Safe to repeat.
create table if not exists `your-project.SMartDataAnalytics.pm_plan` (
  `pm_id` int64 not null,
  `project_id` int64,
  `planned_date` date,
  `ended_pm_date` date,
  `pm_period` string,
  `team_lead` string,
  `is_deleted` bool,
  `update_at` timestamp,
  `etl_transaction_id` int64,
  primary key (`pm_id`) not enforced
)
partition by date_trunc(`planned_date`, month)
cluster by `pm_id`, `planned_date`, `project_id`, `team_lead`
options (description = 'Copy of pmr_pm_plan; deleted rows stay, with is_deleted');

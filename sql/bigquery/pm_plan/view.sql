-- pmr_pm_plan for reports: rows that are not deleted, from the last five years. Safe to repeat.
create or replace view `your-project.View_SMartData.view_pm_plan` as
select
  `pm_id`,
  `project_id`,
  `planned_date`,
  `ended_pm_date`,
  `pm_period`,
  `team_lead`,
  `is_deleted`,
  `update_at`
from `your-project.SMartDataAnalytics.pm_plan`
where is_deleted is not true
  and (`planned_date` is null or `planned_date` >= date_sub(current_date('UTC'), interval 5 year));

-- pmr_project for reports: rows that are not deleted, from the last five years. Safe to repeat.
create or replace view `your-project.View_SMartData.view_project` as
select
  `project_id`,
  `enq`,
  `project_name`,
  `project_start`,
  `project_end`,
  `company_id`,
  `company`,
  `has_pm`,
  `is_deleted`,
  `update_at`
from `your-project.SMartDataAnalytics.project`
where is_deleted is not true
  and (`update_at` is null or date(`update_at`) >= date_sub(current_date('UTC'), interval 5 year));

-- xyz_incident for reports: rows that are not deleted, from the last five years. Safe to repeat.
create or replace view `your-project.View_SMartData.view_incident` as
select
  `incident_id`,
  `inventory_id`,
  `incident_type`,
  `service_type`,
  `severity`,
  `status`,
  `open_datetime`,
  `close_datetime`,
  `incident_owner`,
  `update_at`
from `your-project.SMartDataAnalytics.incident`
where (`update_at` is null or date(`update_at`) >= date_sub(current_date('UTC'), interval 5 year));

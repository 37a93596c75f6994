-- pmr_pm_item for reports: rows that are not deleted, from the last five years. Safe to repeat.
create or replace view `your-project.View_SMartData.view_pm_item` as
select
  `pm_item_id`,
  `pm_id`,
  `is_pm`,
  `pm_engineer`,
  `actual_date`,
  `document_engineer`,
  `document_date`,
  `inventory_id`,
  `is_complete`,
  `is_deleted`,
  `update_at`
from `your-project.SMartDataAnalytics.pm_item`
where is_deleted is not true
  and (`update_at` is null or date(`update_at`) >= date_sub(current_date('UTC'), interval 5 year));

-- Declares the foreign keys of pmr_pm_plan, so that BigQuery can optimize joins. Run it by hand, once, and only if the parent of every row
-- is in the parent's target and not deleted: a violated constraint makes queries return wrong results.
alter table `your-project.SMartDataAnalytics.pm_plan` add foreign key (`project_id`)
references `your-project.SMartDataAnalytics.project` (`project_id`) not enforced;

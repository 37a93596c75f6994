-- Declares the foreign keys of pmr_pm_item, so that BigQuery can optimize joins. Run it by hand, once, and only if the parent of every row
-- is in the parent's target and not deleted: a violated constraint makes queries return wrong results.
alter table `your-project.SMartDataAnalytics.pm_item` add foreign key (`pm_id`)
references `your-project.SMartDataAnalytics.pm_plan` (`pm_id`) not enforced;
alter table `your-project.SMartDataAnalytics.pm_item` add foreign key (`inventory_id`)
references `your-project.SMartDataAnalytics.inventory` (`inventory_id`) not enforced;

-- Declares the foreign keys of pmr_pm_item, if you want joins optimized by them: only where every row's parent is in the
-- parent's target and not deleted, since a violated constraint gives wrong results. Run by hand, once.
alter table `your-project.SMartDataAnalytics.pm_item` add foreign key (`pm_id`)
references `your-project.SMartDataAnalytics.pm_plan` (`pm_id`) not enforced;
alter table `your-project.SMartDataAnalytics.pm_item` add foreign key (`inventory_id`)
references `your-project.SMartDataAnalytics.inventory` (`inventory_id`) not enforced;

-- Declares the foreign keys of pmr_inventory, if you want joins optimized by them: only where every row's parent is in the
-- parent's target and not deleted, since a violated constraint gives wrong results. Run by hand, once.
alter table `your-project.SMartDataAnalytics.inventory` add foreign key (`project_id`)
references `your-project.SMartDataAnalytics.project` (`project_id`) not enforced;

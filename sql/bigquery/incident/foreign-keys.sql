-- Declares the foreign keys of xyz_incident, if you want joins optimized by them: only where every row's parent is in the
-- parent's target and not deleted, since a violated constraint gives wrong results. Run by hand, once.
alter table `your-project.SMartDataAnalytics.incident` add foreign key (`inventory_id`)
references `your-project.SMartDataAnalytics.inventory` (`inventory_id`) not enforced;

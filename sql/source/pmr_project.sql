-- The source view of projects: one row per project that is not a dummy. Safe to repeat.
create or replace view pmr_project as
select
  project.id as project_id,
  project.enq_id as enq,
  project.project_name,
  project.project_start,
  project.project_end,
  project.company_id,
  company.company_name as company,
  project.has_pm,
  project.updated_at
from app_project as project
left join app_company as company on company.id = project.company_id
where not project.is_dummy;

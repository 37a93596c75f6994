-- The source view of preventive maintenance plans: one row per plan. Safe to repeat.
create or replace view pmr_pm_plan as
select
  plan.id as pm_id,
  plan.project_id,
  plan.planned_date,
  plan.ended_pm_date,
  plan.remark as pm_period,
  team_lead.employee_name as team_lead,
  plan.updated_at
from app_preventivemaintenance as plan
left join app_employee as team_lead on team_lead.id = plan.team_lead_id;

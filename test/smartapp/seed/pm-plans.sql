-- app_preventivemaintenance: visits planned for each project over thirteen years, past ones mostly done.
insert into app_preventivemaintenance
  (id, project_id, planned_date, ended_pm_date, postponed_date, remark, team_lead_id, engineer_id, customer_company_id,
   contact_name, contact_telephone, contact_email, updated_at)
select
  n,
  seed.parent(n, seed.plans(), seed.projects()),
  planned,
  case when planned < seed.today() and seed.chance(n, 'ended', 0.9) then planned + seed.between(n, 'days', 0, 25)::integer end,
  case when seed.chance(n, 'postponed', 0.05) then planned + 30 end,
  case when seed.chance(n, 'period', 0.9) then seed.typed(n, 'period', seed.pick(n, 'period', array[
    '1/4', '2/4', '3/4', '4/4', 'ครั้งที่ 1', 'ครั้งที่ 2', '1/2', '2/2', '']))  end,
  case when seed.chance(n, 'led', 0.95) then seed.between(n, 'lead', 1, seed.employees()) end,
  case when seed.chance(n, 'done by', 0.7) then seed.between(n, 'engineer', 1, seed.employees()) end,
  case when seed.chance(n, 'customer', 0.9) then seed.between(n, 'which customer', 1, seed.companies()) end,
  seed.pick(n, 'contact', array['คุณสมศรี', 'Khun Prasert', 'IT Helpdesk', '', null]),
  case when seed.chance(n, 'telephone', 0.6) then '02-' || seed.between(n, 'telephone number', 1000000, 9999999) end,
  case when seed.chance(n, 'email', 0.5) then 'contact' || n || '@example.org' end,
  seed.saved_at(n, 'plan')
from generate_series(1, seed.plans()) as n,
  cast(case when seed.chance(n, 'planned', 0.98)
    then seed.today() + 365 - seed.between(n, 'planned day', 1, 13 * 365)::integer end as date) as planned;

-- Sample queries for analysts. Replace your-project with the id of your project. Reads only.

-- The projects of a company. The reporting views leave out deleted rows.
select project_id, enq, project_name, project_start, project_end
from `your-project.View_SMartData.view_project`
where company = 'Example Company'
order by project_start desc;

-- Open PM items of the current year, by plan and team lead.
select plan.pm_id, plan.planned_date, plan.team_lead, countif(not item.is_complete) as open_items, count(*) as items
from `your-project.View_SMartData.view_pm_plan` as plan
join `your-project.View_SMartData.view_pm_item` as item on item.pm_id = plan.pm_id
where plan.planned_date >= date_trunc(current_date('UTC'), year)
group by plan.pm_id, plan.planned_date, plan.team_lead
having open_items > 0
order by plan.planned_date;

-- Equipment whose warranty ends within ninety days. The target's clustering by project_id prunes the join.
select inventory.inventory_id, inventory.serial_number, inventory.customer_warranty_end, project.company
from `your-project.View_SMartData.view_inventory` as inventory
join `your-project.View_SMartData.view_project` as project on project.project_id = inventory.project_id
where inventory.customer_warranty_end between current_date('UTC') and date_add(current_date('UTC'), interval 90 day);

-- Rows that the source has deleted, and when. The load type merge keeps them, with is_deleted.
select project_id, enq, update_at
from `your-project.SMartDataAnalytics.project`
where is_deleted
order by update_at desc;

-- The last batch of each merged target, and when it was applied.
select view, max(etl_transaction_id) as etl_transaction_id, max(applied_at) as applied_at
from `your-project.SMartData_Temp.applied_batch`
group by view
order by view;

-- What the last batch of a view changed.
select added, changed, deleted, applied_at
from `your-project.SMartData_Temp.applied_batch`
where view = 'pmr_project'
order by etl_transaction_id desc
limit 1;

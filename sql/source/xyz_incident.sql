-- The source view of incidents: one row per incident that is not closed (status 3). Times are text in UTC. Safe to repeat.
create or replace view xyz_incident as
select
  incident.id as incident_id,
  incident.inventory_id,
  incident_type.incident_type_name as incident_type,
  service_type.service_type_name as service_type,
  severity.severity_name as severity,
  status.incident_status_name as status,
  to_char(incident.incident_datetime at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as open_datetime,
  to_char(incident.incident_close_datetime at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as close_datetime,
  owner.employee_name as incident_owner,
  incident.updated_at
from app_incident as incident
left join app_incident_type as incident_type on incident_type.id = incident.incident_type_id
left join app_service_type as service_type on service_type.id = incident.service_type_id
left join app_incident_severity as severity on severity.id = incident.incident_severity_id
left join app_incident_status as status on status.id = incident.incident_status_id
left join app_employee as owner on owner.id = incident.incident_owner_id
where incident.incident_status_id <> 3;

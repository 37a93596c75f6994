-- The role that SMart DataHub reads SMartApp with: it may SELECT what is listed here and nothing else. Safe to repeat.
-- Run it in SMartApp's database after the views exist, as the owner of its tables, then set a password:
-- alter role smartapp_reader password '…'. Making the role wants CREATEROLE; where an administrator made it before
-- (create role smartapp_reader login noinherit), an owner without that right will do.
-- PostgreSQL lets every role make temporary tables and large objects, and PostgreSQL 14 tables in schema public. Unless the
-- application relies on that, run these too, with your database's name:
-- revoke create on schema public from public;
-- revoke temporary on database smartapp from public;
-- revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) from public;
do $$
begin
  if not exists (select from pg_roles where rolname = 'smartapp_reader') then
    create role smartapp_reader login nosuperuser nocreatedb nocreaterole noinherit noreplication nobypassrls;
  end if;
exception when duplicate_object then
  null;
end
$$;

grant usage on schema public to smartapp_reader;

-- What is replicated.
grant select on pmr_project, pmr_inventory, pmr_pm_plan, pmr_pm_item, xyz_incident to smartapp_reader;

-- What the views read: a renamed lookup is followed to the rows of the main table that show its name.
grant select on app_project, app_inventory, app_preventivemaintenance, app_pm_inventory, app_incident to smartapp_reader;
grant select on app_company, app_brand, app_model, app_product_type, app_employee to smartapp_reader;
grant select on app_incident_type, app_service_type, app_incident_severity, app_incident_status to smartapp_reader;

-- The change log, the names of its content types, and its id sequence (read only: whether it caches ids).
grant select on models_logging_change, django_content_type to smartapp_reader;
grant select on sequence models_logging_change_id_seq to smartapp_reader;

-- The role with which SMart DataHub reads SMartApp. It may SELECT what is listed here and what the last statement covers, and nothing else. Safe to repeat.
-- Create the views first. Run this script in SMartApp's database as the owner of its tables, then set a password:
-- alter role smartapp_reader password '…'. To create the role, the owner needs CREATEROLE. Without it, an administrator creates the role
-- first: create role smartapp_reader login noinherit.
-- PostgreSQL allows every role to create temporary tables and large objects, and PostgreSQL 14 also tables in schema public. Unless the
-- application relies on that, run these statements as well, with the name of your database:
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

-- The replicated views.
grant select on pmr_project, pmr_inventory, pmr_pm_plan, pmr_pm_item, xyz_incident to smartapp_reader;

-- The main tables and lookup tables, those of other schemas as schema.table and with "grant usage on schema": when a lookup row changes, its rows of the main table are found through them.
grant select on app_project, app_inventory, app_preventivemaintenance, app_pm_inventory, app_incident to smartapp_reader;
grant select on app_company, app_brand, app_model, app_product_type, app_employee to smartapp_reader;
grant select on app_incident_type, app_service_type, app_incident_severity, app_incident_status to smartapp_reader;

-- The change log, its content types, and its id sequence (SELECT only: it shows the last id that was drawn).
grant select on models_logging_change, django_content_type to smartapp_reader;
-- The sequence is called models_logging_changes_id_seq where django-models-logging once renamed the log.
do $$
declare
  log_sequence text := pg_get_serial_sequence('models_logging_change', 'id');
begin
  if log_sequence is null then
    raise exception 'no sequence belongs to models_logging_change.id: see sql/README.md, "What the source must have"';
  end if;
  execute format('grant select on sequence %s to smartapp_reader', log_sequence);
end
$$;

-- Views that this owner makes later: a view that is dropped and made again loses its grants, and its replication would stop.
-- PostgreSQL has no default privileges for views alone, so that tables which this owner makes later in the schema can be read as well. If that
-- must not be, leave this statement out, and grant the rights again after each such change of a view.
alter default privileges in schema public grant select on tables to smartapp_reader;

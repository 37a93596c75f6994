import type pg from 'pg';

const LOGGED = `
  insert into models_logging_change (date_created, object_id, content_type_id, changed_data, object_repr, action)
  select now(), id::text, type_id, '{"incident_status_id": {"old": 1, "new": 2}}', 'Incident ' || id, action
  from logged, (select id from django_content_type where app_label = 'app' and model = 'incident') as type (type_id)`;

/** Deletes every tenth incident, changes all others, and logs the changes. */
export async function changeIncidents(client: pg.Client): Promise<void> {
  await client.query(`
    with deleted as (
      delete from app_incident where id % 10 = 0 returning id
    ), changed as (
      update app_incident set incident_datetime = incident_datetime + interval '1 minute' where id % 10 <> 0
      returning id
    ), logged (id, action) as (
      select id, 'deleted' from deleted union all select id, 'changed' from changed
    )
    ${LOGGED}`);
}

/**
 * Logs changes of this many incidents that are new to the log. Nine in ten exist, as copies of incidents in the view; one in ten is
 * deleted.
 */
export async function addIncidents(client: pg.Client, rows: number): Promise<void> {
  const deletes = Math.floor(rows / 10);
  // Checking the foreign keys of a million rows would take longer than the bench.
  await client.query('set session_replication_role = replica');
  const { rows: highest } = await client.query('select max(id)::text as id from app_incident');
  const params = [highest[0]?.id, rows - deletes];
  await client.query(
    `with pattern as (
       select row_number() over (order by id) - 1 as place, app_incident.*
       from app_incident where incident_status_id <> 3
     )
     insert into app_incident
       (id, inventory_id, incident_no, incident_datetime, incident_close_datetime, incident_owner_id,
        incident_severity_id, incident_status_id, incident_type_id, service_type_id, incident_subject, updated_at)
     select
       $1::bigint + n, inventory_id, 'BENCH' || n, incident_datetime, incident_close_datetime, incident_owner_id,
       incident_severity_id, incident_status_id, incident_type_id, service_type_id, incident_subject, updated_at
     from generate_series(1, $2::integer) as n join pattern on place = n % (select count(*) from pattern)`,
    params,
  );
  await client.query(
    `with logged (id, action) as (
       select $1::bigint + n, case when n > $2::integer then 'deleted' else 'changed' end
       from generate_series(1, $2::integer + $3::integer) as n
     )
     ${LOGGED}`,
    [...params, deletes],
  );
  await client.query('vacuum analyze app_incident');
}

import pg from 'pg';
import type { LogPlan } from '../../../cli/change-log/log-plan.ts';
import { logScript } from '../../../cli/change-log/log-script.ts';
import { planLog } from '../../../cli/change-log/plan-log.ts';
import { type ViewSourceEntry, viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { TRIGGER_LOG } from '../../../shared/source/trigger-log.ts';
import type { Installation } from '../../support/installation.ts';

/** An application without Django: customers of countries, whose view is merged, and readings in partitions, whose view is streamed. */
const TABLES = `
  create table country (code text primary key, name text not null);
  create table customer (id uuid primary key, name text, country text references country on delete set null);
  create table reading (id bigint not null, taken date not null, value int, primary key (id, taken)) partition by range (taken);
  create table reading_2024 partition of reading for values from ('2024-01-01') to ('2025-01-01');
  create table reading_2025 partition of reading for values from ('2025-01-01') to ('2026-01-01');
  create view customer_view as
    select c.id as customer_id, c.name, n.name as country from customer c left join country n on n.code = c.country;
  create view reading_view as select id as reading_id, taken, value from reading;
  insert into country values ('TH', 'Thailand'), ('DE', 'Germany');
  insert into customer select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'customer ' || n, 'TH' from generate_series(1, 20) n;
  insert into reading select n, date '2024-12-01' + n, n from generate_series(1, 60) n;
  grant select on country, customer, reading, customer_view, reading_view to reader;`;

const ENTRIES: Omit<ViewSourceEntry, 'app_label' | 'model'>[] = [
  {
    name: 'customer_view',
    target_name: 'customer',
    main_table: 'customer',
    key_column: 'customer_id',
    load_type: 'merge',
    lookups: [{ table: 'country', column: 'country', app_label: '', model: '' }],
  },
  {
    name: 'reading_view',
    target_name: 'reading',
    main_table: 'reading',
    key_column: 'reading_id',
    load_type: 'bq-storage-api',
    lookups: [],
  },
] as never;

/** Plans the log of some views as the role of the functions, and makes it. */
export async function makeLog(
  on: Installation,
  views: Parameters<typeof planLog>[1],
  contentTypeTable: string | null = null,
): Promise<LogPlan> {
  const client = new pg.Client({ connectionString: on.parts.env.SOURCE_DATABASE_URL });
  await client.connect();
  const { plan } = await planLog(client, views, contentTypeTable).finally(() => client.end());
  await on.source.database.query(logScript(plan));
  return plan;
}

/** Lets the installation read the log that triggers fill. */
export async function readTriggerLog(on: Installation): Promise<void> {
  on.become(
    await on.anotherProcess({
      CHANGE_LOG_TABLE: TRIGGER_LOG.logTable,
      CONTENT_TYPE_TABLE: TRIGGER_LOG.contentTypeTable,
    }),
  );
}

/** Makes the application and its log in place of Django's, and imports its view sources. */
export async function installWithoutDjango(on: Installation): Promise<void> {
  await on.source.database.query(`drop table models_logging_change, django_content_type cascade; ${TABLES}`);
  const plan = await makeLog(on, ENTRIES);
  await readTriggerLog(on);
  const model = (table: string) => {
    const found = plan.tables.find(({ name }) => name === `"public"."${table}"`)?.contentType;
    return { app_label: found?.appLabel, model: found?.model };
  };
  const entries = ENTRIES.map((entry) =>
    viewSourceEntry.parse({
      ...entry,
      ...model(entry.main_table),
      lookups: entry.lookups.map((lookup) => ({ ...lookup, ...model(lookup.table) })),
    }),
  );
  await importConfiguration({ entries }, on.dependencies);
}

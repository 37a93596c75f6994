import pg from 'pg';
import type { LogPlan } from '../../../cli/change-log/log-plan.ts';
import { logScript } from '../../../cli/change-log/log-script.ts';
import { type LoggedView, planLog } from '../../../cli/change-log/plan-log.ts';
import { removalScript } from '../../../cli/change-log/removal-script.ts';
import { TRIGGER_LOG } from '../../../shared/source/trigger-log.ts';

/** Names that need quotes, in every way that a name can. */
export const SCHEMA = `"Shop ""ร้าน"" $log$"`;

/**
 * An application without Django: customers (uuid) of countries (text), orders, and readings in partitions of partitions. Its tables belong to `shop_owner`;
 * `shop_app` may change their rows and nothing else, and `shop_reader` may read.
 */
export const SHOP = `
  create role shop_owner login; create role shop_app login; create role shop_reader login;
  create schema ${SCHEMA} authorization shop_owner;
  grant create on schema public to shop_owner;
  set role shop_owner;
  create table ${SCHEMA}."country" (code text primary key, "name" text not null);
  create table ${SCHEMA}."ลูกค้า'x" ("รหัส ""1""" uuid primary key, name text, country text references ${SCHEMA}.country on delete set null on update cascade, extra json);
  create table ${SCHEMA}."order" (
    id bigint primary key, customer uuid references ${SCHEMA}."ลูกค้า'x" on delete cascade, note text);
  create table ${SCHEMA}.reading (id bigint not null, taken date not null, value int, primary key (id, taken)) partition by range (taken);
  create table ${SCHEMA}.reading_2024 partition of ${SCHEMA}.reading for values from ('2024-01-01') to ('2025-01-01');
  create table ${SCHEMA}.reading_2025 partition of ${SCHEMA}.reading for values from ('2025-01-01') to ('2026-01-01') partition by range (taken);
  create table ${SCHEMA}.reading_2025_a partition of ${SCHEMA}.reading_2025 for values from ('2025-01-01') to ('2025-07-01');
  create table ${SCHEMA}.reading_2025_b partition of ${SCHEMA}.reading_2025 for values from ('2025-07-01') to ('2026-01-01');
  create table ${SCHEMA}.machine (id int primary key, name text);
  create table ${SCHEMA}.crane (load int, primary key (id)) inherits (${SCHEMA}.machine);
  create view public.customer_view as
    select c."รหัส ""1""" as customer_id, c.name, n.name as country from ${SCHEMA}."ลูกค้า'x" c left join ${SCHEMA}.country n on n.code = c.country;
  create view public.order_view as select id as order_id, note from ${SCHEMA}."order";
  create view public.reading_view as select id as reading_id, taken, value from ${SCHEMA}.reading;
  create view public.machine_view as select id as machine_id, name from ${SCHEMA}.machine;
  grant usage on schema ${SCHEMA} to shop_app, shop_reader;
  grant select, insert, update, delete, truncate on all tables in schema ${SCHEMA} to shop_app;
  grant select on all tables in schema ${SCHEMA} to shop_reader;
  grant select on customer_view, order_view, reading_view, machine_view to shop_reader;
  reset role;`;

const NO_LOOKUPS = { lookups: [] };
export const VIEWS: LoggedView[] = [
  {
    name: 'customer_view',
    main_table: `${SCHEMA}."ลูกค้า'x"`,
    key_column: 'customer_id',
    lookups: [{ table: `${SCHEMA}.country`, column: 'country' }],
  },
  { name: 'order_view', main_table: `${SCHEMA}."order"`, key_column: 'order_id', ...NO_LOOKUPS },
  { name: 'reading_view', main_table: `${SCHEMA}.reading`, key_column: 'reading_id', ...NO_LOOKUPS },
  { name: 'machine_view', main_table: `${SCHEMA}.machine`, key_column: 'machine_id', ...NO_LOOKUPS },
];

/** Plans the log as the role of the functions would, and makes it as the owner of the tables. */
export class ShopLog {
  readonly #url: (user: string) => string;

  constructor(url: (user: string) => string) {
    this.#url = url;
  }

  /** Runs statements as one of the roles, on a connection of its own. */
  async as(
    role: 'shop_owner' | 'shop_app' | 'shop_reader' | 'postgres',
    sql: string,
  ): Promise<pg.QueryResult> {
    return await this.with(role, (client) => client.query(sql));
  }

  async with<T>(role: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: this.#url(role) });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  async plan(views: readonly LoggedView[] = VIEWS): Promise<LogPlan> {
    return (await this.with('shop_reader', (client) => planLog(client, views, null))).plan;
  }

  async make(views: readonly LoggedView[] = VIEWS): Promise<LogPlan> {
    const plan = await this.plan(views);
    await this.as('shop_owner', logScript(plan));
    return plan;
  }

  async remove(): Promise<void> {
    await this.as('shop_owner', removalScript(await this.plan()));
  }

  /** The log rows since the last call, as `model action object id`, in the order of their ids. */
  async logged(): Promise<string[]> {
    const { rows } = await this.as(
      'postgres',
      `with taken as (delete from ${TRIGGER_LOG.logTable} returning *)
       select t.model || ' ' || l.action || ' ' || l.object_id as line
       from taken l join ${TRIGGER_LOG.contentTypeTable} t on t.id = l.content_type_id order by l.id`,
    );
    return rows.map(({ line }) => line as string);
  }
}

import type pg from 'pg';
import type { Replica } from './replica.ts';
import { CONTENT_TYPE, LOG_TABLE, type Source } from './use-source.ts';

export const SEQUENCE = `${LOG_TABLE}_id_seq`;

/** The insert of a log row for this object waits for HOLD_LOCK after its log id is drawn and before its transaction has an id. */
export const HELD_OBJECT = 4004;
export const HOLD_LOCK = 4;

export type Writing = Pick<pg.ClientBase, 'query'>;

/** A table of items, whose view leaves out hidden ones. A schedule writes and logs items in any order. */
export class Items {
  static readonly SCHEMA = `
    create table item (id bigint primary key, name text, is_hidden boolean not null default false, updated_at timestamptz);
    create view item_view as select id as item_id, name, updated_at from item where not is_hidden;
    create function hold() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock(${HOLD_LOCK}); return new; end $$;
    create trigger hold before insert on ${LOG_TABLE} for each row
      when (new.object_id = '${HELD_OBJECT}') execute function hold();`;

  readonly source: Source;
  #next = 10_000;

  constructor(source: Source) {
    this.source = source;
  }

  newId(): number {
    return this.#next++;
  }

  /** Inserts an item and its log row; the caller owns the transaction. Returns the log id. */
  async add(client: Writing, id = this.newId()): Promise<bigint> {
    await client.query('insert into item (id, name) values ($1, $2)', [id, `name ${id}`]);
    return await this.log(client, id);
  }

  async log(
    client: Writing,
    objectId: number | string,
    { type = 'item', action = 'changed', data = null }: LogRow = {},
  ): Promise<bigint> {
    const { rows } = await client.query(
      `insert into ${LOG_TABLE} (object_id, content_type_id, action, changed_data) values ($1, $2, $3, $4)
       returning id`,
      [String(objectId), CONTENT_TYPE[type], action, data],
    );
    return BigInt(rows[0].id);
  }

  /** Waits until the last horizon is as old as the grace period, by the source's clock. */
  async outliveGrace({ checkpoint }: Replica, graceSeconds: number): Promise<void> {
    await this.source.pool.query(
      `select pg_sleep_until(to_timestamp($1::numeric / 1000000) + make_interval(secs => $2))`,
      [checkpoint.horizons.at(-1)?.atMicros ?? 0n, graceSeconds],
    );
  }
}

type LogRow = {
  type?: keyof typeof CONTENT_TYPE;
  action?: 'added' | 'changed' | 'deleted';
  data?: object | null;
};

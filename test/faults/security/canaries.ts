import assert from 'node:assert/strict';
import type { Installation } from '../../support/installation.ts';

const SHAPE = `select coalesce(string_agg(format('%s %s %s', c.relkind, c.oid::regclass, array_to_string(c.relacl, ',')), E'\\n' order by c.oid::regclass::text), '') as shape
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname !~ '^pg_temp'`;

/** Tables that no statement may touch, with one row each: in the source, in the control database, and in a BigQuery dataset. */
export class Canaries {
  readonly #on: Installation;
  readonly #shapes: readonly unknown[];

  private constructor(on: Installation, shapes: readonly unknown[]) {
    this.#on = on;
    this.#shapes = shapes;
  }

  /** Creates the tables, and remembers the relations and privileges of both databases and the datasets. */
  static async plant(on: Installation): Promise<Canaries> {
    for (const database of [on.source.database, on.control]) {
      await database.query(`create table canary as select 'alive' as state`);
    }
    await on.bigquery.createDataset('canary', { location: 'EU' });
    await on.bigquery.query({ query: `create table canary.canary as select 'alive' as state` });
    return new Canaries(on, await shapesOf(on));
  }

  /** Asserts in addition that relations, privileges and datasets are unchanged. */
  async assertUntouched(what: string): Promise<void> {
    await this.assertPresent(what);
    assert.deepEqual(await shapesOf(this.#on), this.#shapes, what);
  }

  /** Asserts that all tables still have their row. */
  async assertPresent(what: string): Promise<void> {
    const states = [
      ...(await this.#on.source.database.query('select state from canary')).rows,
      ...(await this.#on.control.query('select state from canary')).rows,
      ...(await this.#on.query('select state from canary.canary')),
    ];
    assert.deepEqual(states, [{ state: 'alive' }, { state: 'alive' }, { state: 'alive' }], what);
  }
}

async function shapesOf(on: Installation): Promise<unknown[]> {
  const [datasets] = await on.bigquery.getDatasets();
  return [
    (await on.source.database.query(SHAPE)).rows,
    (await on.control.query(SHAPE)).rows,
    datasets.map(({ id }) => id).sort(),
  ];
}

import type pg from 'pg';

/** The user-defined types in the examples. */
export const EXAMPLE_SCHEMA = `
  create table item (id bigint primary key);
  create type mood as enum ('very sad', 'ok');
  create type pair as (a integer, b text);
  create type big_pair as (a numeric);
  create type noted as (note json);
  create domain positive as integer check (value > 0);
  create domain labels as text[];`;

/** Replaces the view `valued`: a column `value` of the type, with one row for each literal and keys `item_id` from 1 on. */
export async function createValuedView(pool: pg.Pool, type: string, literals: string[]): Promise<void> {
  const values = literals.map((literal, i) => `(${i + 1}::bigint, ${literal}::${type})`);
  await pool.query(
    `drop view if exists valued; drop table if exists valued_row;
     create table valued_row (item_id bigint, value ${type}); insert into valued_row values ${values.join(', ')};
     create view valued as select item_id, value from valued_row`,
  );
}

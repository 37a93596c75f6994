import type pg from 'pg';
import { viewSourceEntry } from '../../shared/model/view-source-entry.ts';
import { READER_ROLE } from '../smartapp/create-smartapp.ts';
import { READER_PASSWORD } from './bench-stack.ts';

export const FEW_VIEWS = 5;
export const MANY_VIEWS = 50;
export const ROWS_PER_VIEW = 1_000;

/** Creates a source with many views of one table each, whose rows are logged in one log, and the reader role. */
export async function createManyViews(client: pg.Client): Promise<void> {
  await client.query(
    `create role ${READER_ROLE} login password ${client.escapeLiteral(READER_PASSWORD)};
     create table django_content_type (id integer primary key, app_label text not null, model text not null);
     create table models_logging_change (
       id serial primary key, date_created timestamptz not null default clock_timestamp(), object_id text not null,
       content_type_id integer not null, changed_data jsonb, action varchar(7) not null);
     create index on models_logging_change (content_type_id, object_id);
     grant select on django_content_type, models_logging_change to ${READER_ROLE};
     grant select on sequence models_logging_change_id_seq to ${READER_ROLE}`,
  );
  for (let n = 1; n <= MANY_VIEWS; n += 1) {
    await client.query(
      `insert into django_content_type values (${n}, 'app', 'item_${n}');
       create table item_${n} (id bigint primary key, name text not null);
       insert into item_${n} select i, 'item ' || i from generate_series(1, ${ROWS_PER_VIEW}) i;
       create view view_${n} as select id, name from item_${n};
       grant select on item_${n}, view_${n} to ${READER_ROLE}`,
    );
  }
  await client.query('vacuum analyze');
}

export const entryOf = (n: number) =>
  viewSourceEntry.parse({
    name: `view_${n}`,
    target_name: `item_${n}`,
    main_table: `item_${n}`,
    app_label: 'app',
    model: `item_${n}`,
    key_column: 'id',
    load_type: 'merge',
  });

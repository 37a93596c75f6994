import { type ViewSourceEntry, viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import type { Installation } from '../../support/installation.ts';

export const THING_TYPE = 50;

/** One column of each kind of type. */
const COLUMNS = {
  amount: 'double precision',
  bytes: 'bytea',
  clock: 'time',
  code: 'integer',
  day: 'date',
  flag: 'boolean',
  moment: 'timestamptz',
  name: 'text',
  price: 'numeric(10, 2)',
  settings: 'jsonb',
  tags: 'text[]',
  written: 'timestamp',
};

export const thing = (differing: Partial<ViewSourceEntry> = {}): ViewSourceEntry =>
  viewSourceEntry.parse({
    name: 'thing_view',
    target_name: 'thing',
    main_table: 'app_thing',
    app_label: 'app',
    model: 'thing',
    key_column: 'thing_id',
    load_type: 'merge',
    ...differing,
  });

export async function createThings(on: Installation): Promise<void> {
  const declared = Object.entries(COLUMNS).map(([name, type]) => `${name} ${type}`);
  await on.source.database.query(`
    insert into django_content_type (id, app_label, model) values (${THING_TYPE}, 'app', 'thing'), (51, 'auth', 'user');
    create table auth_user (id bigint primary key);
    create table app_thing (id bigint primary key, ${declared.join(', ')});
    create view thing_view as select id as thing_id, ${Object.keys(COLUMNS).join(', ')} from app_thing;
    grant select on app_thing, thing_view to reader`);
}

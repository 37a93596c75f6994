import assert from 'node:assert/strict';
import { type ViewSourceEntry, viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'reading_view';
const READING_TYPE = 50;

const ENTRY: ViewSourceEntry = viewSourceEntry.parse({
  name: VIEW,
  target_name: 'reading',
  main_table: 'app_reading',
  app_label: 'app',
  model: 'reading',
  key_column: 'reading_id',
  load_type: 'merge',
});

const QUERY = 'select id as reading_id, taken, value from app_reading';

describe('a partitioned main table', () => {
  const { on } = useInstallation({ settings: { SLICE_ROWS: '100', MAX_SLICES: '4' } });
  const sql = (text: string) => on.source.database.query(text);
  const importing = (differing: Partial<ViewSourceEntry> = {}) =>
    importConfiguration({ entries: [{ ...ENTRY, ...differing }] }, on.dependencies);
  const log = (id: number, action: string) =>
    sql(
      `insert into models_logging_change (object_id, content_type_id, action) values ('${id}', ${READING_TYPE}, '${action}')`,
    );

  /** By range, so that its primary key has the date in it; its model's primary key is `id` all the same. */
  beforeEach(async () => {
    await sql(`
      insert into django_content_type (id, app_label, model) values (${READING_TYPE}, 'app', 'reading');
      create table app_reading (id bigint not null, taken date not null, value int, primary key (id, taken)) partition by range (taken);
      create table app_reading_2024 partition of app_reading for values from ('2024-01-01') to ('2025-01-01');
      create table app_reading_2025 partition of app_reading for values from ('2025-01-01') to ('2026-01-01');
      insert into app_reading select n, date '2024-01-01' + n, n from generate_series(1, 600) n;
      create view ${VIEW} as ${QUERY};
      grant select on app_reading, ${VIEW} to reader`);
    // The partitions alone, as autovacuum does.
    await sql('analyze app_reading_2024; analyze app_reading_2025');
  });

  async function assertEqual(): Promise<void> {
    const { rows } = await sql(
      `select reading_id::text, taken::text, value::text from ${VIEW} v order by v.reading_id`,
    );
    const target = await on.query(
      `select reading_id, taken, value from SMartDataAnalytics.reading where not coalesce(is_deleted, false) order by reading_id`,
    );
    assert.deepEqual(target, rows);
  }

  it('is loaded, in slices, and followed: changes, deletes, and a row that moves to another partition', async () => {
    await importing();
    const loaded = await on.stage(VIEW);
    const objects = await on.stagedObjects(loaded);
    assert.equal(objects.filter((name) => name.includes('/upserts-')).length, 4);
    assert.partialDeepStrictEqual(await on.merge(loaded), { added: '600' });
    await assertEqual();

    await sql(`
      update app_reading set value = 0 where id = 1;
      update app_reading set taken = '2025-12-31' where id = 2;
      delete from app_reading where id = 3;
      insert into app_reading values (601, '2024-01-01', 7)`);
    for (const [id, action] of [
      [1, 'changed'],
      [2, 'changed'],
      [3, 'deleted'],
      [601, 'added'],
    ] as const) {
      await log(id, action);
    }

    assert.partialDeepStrictEqual(await on.replicate(VIEW), { added: '1', changed: '2', deleted: '1' });
    await assertEqual();
    const check = await preflight({ view: VIEW }, on.dependencies);
    assert.equal(check.ok, true, JSON.stringify(check.findings));
  });

  it('goes on, without a resync, when it gets another partition, and says that partitions come and go without log rows', async () => {
    await importing();
    await on.replicate(VIEW);
    await sql(`
      create table app_reading_2026 partition of app_reading for values from ('2026-01-01') to ('2027-01-01');
      insert into app_reading values (700, '2026-05-01', 1)`);
    await log(700, 'added');

    assert.partialDeepStrictEqual(await on.replicate(VIEW), { added: '1', changed: '0' });
    await assertEqual();
  });

  it('is imported with a note, since no index keeps its key unique, and check says so too', async () => {
    const { warnings } = await importing();
    const [partitions, key] = warnings;
    assert.match(
      partitions?.message ?? '',
      /uses partitioned table app_reading: a partition that is dropped, detached/,
    );
    assert.match(partitions?.advice ?? '', /\{"view":"reading_view","resync":true\}/);
    assert.match(
      key?.message ?? '',
      /key reading_id of view reading_view is unique at present, but app_reading has no unique index on id alone/,
    );
    const { findings } = await preflight({ view: VIEW }, on.dependencies);
    assert.ok(findings.some(({ message, ok }) => ok && /unique at present/.test(message)));
  });

  it('whose key is there twice is refused by the data', async () => {
    await sql(`insert into app_reading values (5, '2025-06-01', 1)`);
    await assert.rejects(importing(), {
      kind: 'configuration',
      message:
        /key reading_id is NULL or not unique, for example "?5"?, and app_reading has no unique index on id alone that would prevent it/,
    });
  });

  it('is refused with a key that is no part of its primary key, or that log rows do not name', async () => {
    await sql(
      `drop view ${VIEW}; create view ${VIEW} as select value::bigint as reading_id, taken from app_reading; grant select on ${VIEW} to reader`,
    );
    await assert.rejects(importing(), { message: /main table app_reading has no single-column primary key/ });

    await sql(`
      drop view ${VIEW}; drop table app_reading;
      create table app_reading (id bigint, place bigint not null, primary key (id, place)) partition by range (place);
      create table app_reading_1 partition of app_reading default;
      insert into app_reading select n, n + 1000 from generate_series(1, 20) n;
      create view ${VIEW} as select place as reading_id, id from app_reading;
      grant select on app_reading, ${VIEW} to reader`);
    for (let id = 1; id <= 20; id += 1) await log(id, 'added');
    await assert.rejects(importing(), {
      message:
        /key reading_id shows column place of app_reading, but log rows seem to name another one, since only 0 of the newest 20 objects/,
    });
  });
});

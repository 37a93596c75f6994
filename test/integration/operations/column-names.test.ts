import assert from 'node:assert/strict';
import pg from 'pg';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { THING_TYPE, thing } from './things.ts';

describe('a view', () => {
  const { on } = useInstallation();
  const views = async (columns: readonly string[]) => {
    const names = columns.map((name) => pg.escapeIdentifier(name));
    await on.source.database.query(`
      insert into django_content_type (id, app_label, model) values (${THING_TYPE}, 'app', 'thing');
      create table app_thing (${names.map((name, i) => (i === 0 ? `${name} bigint primary key` : `${name} text`)).join(', ')});
      create view thing_view as select ${names.join(', ')} from app_thing;
      grant select on app_thing, thing_view to reader`);
  };
  const log = (id: number, action: string) =>
    on.source.database.query(
      `insert into models_logging_change (object_id, content_type_id, action) values ($1, ${THING_TYPE}, $2)`,
      [String(id), action],
    );

  for (const key of ['r', 'k', 'v', 'key', 'id', 'q', 'l', 'm', 'g', 'c']) {
    it(`may have columns with the names that our statements for PostgreSQL use, and the key ${key}`, async () => {
      const others = [
        'r',
        'k',
        'v',
        'q',
        'l',
        'c',
        'e',
        'i',
        'log',
        'gap',
        'low',
        'cut',
        'covered',
        'mention',
        'view_rows',
        'content_type',
      ];
      await views([key, ...others.filter((name) => name !== key)]);
      await on.source.database.query('insert into app_thing values (1), (2), (3)');
      await importConfiguration({ entries: [thing({ key_column: key })] }, on.dependencies);
      await on.replicate('thing_view');
      await on.source.database.query(
        `delete from app_thing where ${key} = 2; update app_thing set e = 'x' where ${key} = 3`,
      );
      await log(2, 'deleted');
      await log(3, 'changed');

      assert.partialDeepStrictEqual(await on.replicate('thing_view'), { changed: '1', deleted: '1' });
    });
  }

  it('may give these names to columns of every kind of type', async () => {
    await on.source.database.query(`
      insert into django_content_type (id, app_label, model) values (${THING_TYPE}, 'app', 'thing');
      create table app_thing (id bigint primary key, e text[], i integer[], a jsonb[], n jsonb, r numeric, v date, k timestamptz, g text, q double precision);
      create view thing_view as select id as thing_id, e, i, a, n, r, v, k, g, q from app_thing;
      grant select on app_thing, thing_view to reader;
      insert into app_thing values (1, '{x,y}', '{1,2}', '{}', '{"a": 1}', 1.5, '2024-01-01', '2024-01-01', '2024-01-01', 0.5)`);
    await importConfiguration(
      {
        entries: [
          thing({
            datetime_columns: ['g'],
            unrepresentable: { v: 'null', n: 'string' },
            null_defaults: { r: 0, v: '1970-01-01' },
          }),
        ],
      },
      on.dependencies,
    );
    await on.replicate('thing_view');
    await on.source.database.query(`update app_thing set e = '{z}', v = 'infinity', n = '{"a": 1e999}'`);
    await log(1, 'changed');
    await on.replicate('thing_view');

    const [row] = await on.query('select * except (update_at) from SMartDataAnalytics.thing');
    assert.partialDeepStrictEqual(row, {
      thing_id: '1',
      e: ['z'],
      v: null,
      n: `{"a": 1${'0'.repeat(999)}}`,
    });

    // Bad values are found by key and column.
    await on.source.database.query(`update app_thing set e = array['z', null]`);
    await log(1, 'changed');
    await assert.rejects(on.extract('thing_view'), {
      kind: 'bad_data',
      message: /key 1, column e: the value contains a NULL/,
    });
  });
});

import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import { viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { viewSourceImport } from '../../../shared/model/view-source-import.ts';
import { forget } from '../../../shared/operations/forget.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { useInstallation } from '../../support/use-installation.ts';

const PLACE = {
  name: 'place_view',
  target_name: 'place',
  main_table: 'guide_place',
  app_label: 'guide',
  model: 'place',
  key_column: 'place_id',
  load_type: 'merge',
};
const VISIT = {
  ...PLACE,
  name: 'visit_view',
  target_name: 'visit',
  main_table: 'guide_visit',
  model: 'visit',
  key_column: 'visit_id',
};
const RESTAURANT = {
  ...PLACE,
  name: 'restaurant_view',
  target_name: 'restaurant',
  main_table: 'guide_restaurant',
  model: 'restaurant',
};
const OF_PLACES = { table: 'guide_place', app_label: 'guide', model: 'place' };
const child = (model: string) => ({ app_label: 'guide', model });

describe('an import', () => {
  const { on } = useInstallation();

  beforeEach(() =>
    on.source.database.query(`
      insert into django_content_type (id, app_label, model) values
        (31, 'guide', 'place'), (32, 'guide', 'restaurant'), (33, 'guide', 'pizzeria'), (34, 'guide', 'visit');
      create table guide_place (id bigint primary key, name text, code text unique not null);
      create table guide_restaurant (place_ptr_id bigint primary key references guide_place, stars integer);
      create table guide_pizzeria (restaurant_ptr_id bigint primary key references guide_restaurant);
      create table odd_name (place_ptr_id bigint primary key references guide_place);
      -- A one-to-one relation is no inheritance.
      create table guide_photo (place_id bigint primary key references guide_place);
      create table guide_visit (id bigint primary key, place_id bigint references guide_place);
      insert into guide_place values (1, 'one', 'x'); insert into guide_restaurant values (1, 3); insert into guide_visit values (7, 1);
      create view place_view as select id as place_id, name, code from guide_place;
      create view visit_view as select v.id as visit_id, p.name from guide_visit v left join guide_place p on p.id = v.place_id;
      create view restaurant_view as select p.id as place_id, p.name, r.stars
        from guide_restaurant r join guide_place p on p.id = r.place_ptr_id;
      grant select on place_view, visit_view, restaurant_view, guide_place, guide_restaurant, guide_visit to reader`),
  );

  const importEntries = (...entries: object[]) =>
    importConfiguration({ entries: entries.map((entry) => viewSourceEntry.parse(entry)) }, on.dependencies);

  it('proposes the models that inherit from those that it names, and a check goes on to do so', async () => {
    const { outcome, warnings } = await importEntries(PLACE, {
      ...VISIT,
      lookups: [{ ...OF_PLACES, column: 'place_id', child_models: [child('restaurant')] }],
    });

    assert.equal(outcome, 'imported');
    assert.deepEqual(
      warnings.map(({ check, message }) => [
        check,
        message.replace(/ inherits .* \(/, ': ').replace(/\).*/, ''),
      ]),
      [
        ['child models of place_view', 'model guide.pizzeria: by restaurant_ptr_id of guide_pizzeria'],
        ['child models of place_view', 'model guide.restaurant: by place_ptr_id of guide_restaurant'],
        ['child models of place_view', 'the model of table odd_name: by place_ptr_id of odd_name'],
        ['child models of visit_view', 'model guide.pizzeria: by restaurant_ptr_id of guide_pizzeria'],
        ['child models of visit_view', 'the model of table odd_name: by place_ptr_id of odd_name'],
      ],
    );
    assert.equal(
      warnings[1]?.advice,
      'Add {"app_label":"guide","model":"restaurant"} to "child_models" of the main table guide_place, and import the view source again. Then resync the view if such rows were saved before.',
    );
    const checked = await preflight({ view: 'place_view' }, on.dependencies);
    assert.deepEqual(
      checked.findings.filter(({ ok }) => !ok),
      warnings.slice(0, 3),
    );
  });

  it('I2 with these models lets the views follow their saves', async () => {
    await on.source.database.query('drop table odd_name');
    const children = [child('restaurant'), child('pizzeria')];
    const { warnings } = await importEntries(
      { ...PLACE, child_models: children },
      { ...VISIT, lookups: [{ ...OF_PLACES, column: 'place_id', child_models: children }] },
      {
        ...RESTAURANT,
        child_models: [child('pizzeria')],
        lookups: [{ ...OF_PLACES, column: 'place_ptr_id' }],
      },
    );
    assert.deepEqual(warnings, []);
    const views = ['place_view', 'visit_view', 'restaurant_view'];
    for (const view of views) await on.replicate(view);

    await on.source.database.query(`
      update guide_place set name = 'renamed';
      insert into models_logging_change (object_id, content_type_id, action, changed_data) values ('1', 33, 'changed', '{"name": {}}')`);

    for (const view of views) {
      assert.partialDeepStrictEqual(await on.replicate(view), { changed: '1' });
    }
  });

  it('refuses a child model whose table does not inherit from the table, also of a lookup, and accepts those that do', async () => {
    const child_models = [child('visit'), child('restaurant'), child('pizzeria')];
    await assert.rejects(
      importEntries(
        { ...PLACE, child_models },
        { ...VISIT, lookups: [{ ...OF_PLACES, column: 'place_id', child_models }] },
      ),
      ({ kind, message }: DataHubError) => {
        const wrong = (what: string) =>
          `${what} guide_place: child model guide.visit is the model of table guide_visit, whose primary key does not point at it: remove it from child_models`;
        assert.equal(kind, 'configuration');
        assert.deepEqual(
          message.split('; ').map((fault) => fault.replace(/^view source \w+: /, '')),
          [wrong('main table'), wrong('lookup table')],
        );
        return true;
      },
    );
    // A model whose table has another name cannot be told.
    await on.source.database.query(
      `insert into django_content_type (id, app_label, model) values (35, 'guide', 'odd')`,
    );
    await importEntries({ ...PLACE, child_models: [...child_models.slice(1), child('odd')] });
  });

  it('refuses the same lookup twice', () => {
    const lookup = { ...OF_PLACES, column: 'place_id' };
    const parse = (...lookups: object[]) => viewSourceImport.safeParse([{ ...VISIT, lookups }]).error?.issues;

    assert.deepEqual(
      parse(lookup, { ...lookup, skip_untracked: true }, lookup)?.map(({ message }) => message),
      ['lookups: guide.place of guide_place by place_id appears twice'],
    );
    assert.equal(parse(lookup, { ...lookup, column: 'other_id' }, { ...lookup, model: 'proxy' }), undefined);
  });

  it('refuses a child model that does not exist, or that an id contradicts', async () => {
    const entry = {
      ...PLACE,
      child_models: [child('nothing'), { ...child('restaurant'), content_type_id: 1 }],
    };

    await assert.rejects(importEntries(entry), {
      kind: 'configuration',
      message:
        'place_view, child model: content type guide.nothing does not exist; ' +
        'place_view, child model: content type guide.restaurant is 32 in this source, not 1',
    });
  });

  it('I8 of an earlier release may have stored a key that log rows do not name: its view is halted, and the advice mends it', async () => {
    const { database } = on.source;
    await importEntries(PLACE);
    await on.replicate('place_view');
    // Release 0.2.0 did not look at the key.
    await on.control.query(`update etl.view_source set key_column = 'code' where name = 'place_view'`);

    const halted = await on.extract('place_view').catch((error: unknown) => error);
    assert.ok(halted instanceof DataHubError);
    assert.match(
      halted.message,
      /key code shows column code of guide_place, but log rows name its primary key id/,
    );
    assert.match(
      halted.advice,
      /^The target has its rows under the present key\. If the key must become another column, send {"view":"place_view","forget":true}, and give the view source that key and another target_name\.$/,
    );
    assert.match((await on.haltedReason('place_view')) ?? '', /key code shows column code/);

    await forget({ view: 'place_view', confirmation: 'place_view' }, on.dependencies);
    await importEntries({ ...PLACE, target_name: 'place_by_id' });
    await on.replicate('place_view');
    await database.query(`update guide_place set name = 'renamed';
      insert into models_logging_change (object_id, content_type_id, action) values ('1', 31, 'changed')`);
    assert.partialDeepStrictEqual(await on.replicate('place_view'), { changed: '1' });
  });

  it('accepts a text that holds the key of a lookup, if the configuration says so', async () => {
    await on.source.database.query(`
      alter table guide_visit add column place_text text; update guide_visit set place_text = '1';
      create or replace view visit_view as select v.id as visit_id, p.name from guide_visit v left join guide_place p on p.id::text = v.place_text`);
    const lookup = { ...OF_PLACES, column: 'place_text' };
    await assert.rejects(importEntries({ ...VISIT, lookups: [lookup] }), {
      message:
        /lookup column place_text has type text, but id of lookup table guide_place has type int8: name the column that it holds as "references"/,
    });
    await importEntries({ ...VISIT, lookups: [{ ...lookup, references: 'id' }] });
    await on.replicate('visit_view');

    await on.source.database.query(`update guide_place set name = 'renamed';
      insert into models_logging_change (object_id, content_type_id, action) values ('1', 31, 'changed')`);
    assert.partialDeepStrictEqual(await on.replicate('visit_view'), { changed: '1' });
  });

  it('refuses a key and a lookup that log rows name otherwise, with the reason, and stores nothing', async () => {
    const { database } = on.source;
    await database.query('alter table guide_visit add column code text');

    await assert.rejects(
      importEntries(
        { ...PLACE, key_column: 'code' },
        { ...VISIT, lookups: [{ ...OF_PLACES, column: 'code' }] },
      ),
      {
        kind: 'configuration',
        message:
          /place_view: key code shows column code of guide_place, but log rows name its primary key id: .*; view source visit_view: lookup column code has type text, but id of lookup table guide_place has type int8: /,
      },
    );
    const { rows } = await on.control.query(`select from etl.view_source where name = 'place_view'`);
    assert.equal(rows.length, 0);
  });
});

import assert from 'node:assert/strict';
import pg from 'pg';
import { parseConfig } from '../../../shared/config/config.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { parseBatchEvent, parseExtractEvent } from '../../../shared/events/messages.ts';
import type { viewSourceImport } from '../../../shared/model/view-source.ts';
import { dryRun } from '../../../shared/operations/dry-run.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { queueKeys } from '../../../shared/operations/queue-keys.ts';
import { type Installation, PROJECT_ENTRY } from '../../support/installation.ts';
import { useStack } from '../../support/use-installation.ts';
import { LOAD_TYPES, ThingView } from '../bad-data/thing-view.ts';
import { Canaries } from './canaries.ts';
import { INJECTIONS, UNHOLDABLE, VERY_LONG, WORST } from './injections.ts';

const EVERY = [...INJECTIONS, ...UNHOLDABLE, VERY_LONG];

describe('I12 no text from elsewhere becomes a statement', () => {
  const stack = useStack();

  /** Asserts that something was refused as what it is, by its own fault. */
  async function assertRefused(work: Promise<unknown>, injection: string, names: RegExp): Promise<void> {
    const shown = JSON.stringify(injection).slice(0, 60);
    const error = await work.then(
      () => assert.fail(`${shown} was accepted`),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof DataHubError, `${shown}: ${error}`);
    assert.ok(
      ['configuration', 'environment', 'invalid_event', 'bad_data'].includes(error.kind),
      `${shown}: ${error.kind}: ${error.message}`,
    );
    assert.match(error.message, names, shown);
  }

  describe('from a view source', () => {
    let on: Installation;
    let canaries: Canaries;

    before(async () => {
      on = await stack.install();
      await on.source.add('app_company', { id: 1, name: 'acme' });
      await on.source.add('app_project', { id: 1, name: 'one', company_id: 1 }, { id: 2, name: null });
      canaries = await Canaries.setOut(on);
    });

    /** Configures, checks, forecasts, extracts and merges the view as one who has never heard of it. */
    const carry = async (changed: object): Promise<void> => {
      await on.control.query('truncate etl.view_source cascade');
      const { entries } = parseImport([{ ...PROJECT_ENTRY, ...changed }]);
      await importConfiguration({ entries }, on.dependencies);
      await preflight({ view: 'pmr_project' }, on.dependencies);
      await dryRun({ view: 'pmr_project' }, on.dependencies);
      await on.replicate();
    };

    const lookup = { table: 'app_company', app_label: 'app', model: 'company', column: 'company_id' };
    /** A view source with a text at each place that takes one, and how its refusal names it. */
    const FIELDS: Record<string, { of: (text: string) => object; names: RegExp }> = {
      name: { of: (name) => ({ name }), names: /name: / },
      target_name: { of: (target_name) => ({ target_name }), names: /target_name: / },
      main_table: { of: (main_table) => ({ main_table }), names: /main_table|main table .* does not exist/s },
      app_label: { of: (app_label) => ({ app_label }), names: /app_label|content type .* does not exist/s },
      model: { of: (model) => ({ model }), names: /model|content type .* does not exist/s },
      key_column: { of: (key_column) => ({ key_column }), names: /key_column|key column .* does not exist/s },
      tracked_columns: {
        of: (column) => ({ tracked_columns: [column] }),
        names: /tracked_columns|tracked column .* does not exist/s,
      },
      'foreign_keys.column': {
        of: (column) => ({ foreign_keys: [{ column, references: 'site' }] }),
        names: /foreign_keys|foreign key column .* does not exist/s,
      },
      'foreign_keys.references': {
        of: (references) => ({ foreign_keys: [{ column: 'project_id', references }] }),
        names: /foreign_keys\.0\.references: /,
      },
      datetime_columns: {
        of: (column) => ({ datetime_columns: [column] }),
        names: /datetime_columns|datetime column .* does not exist/s,
      },
      'null_defaults, the column': {
        of: (column) => ({ null_defaults: Object.fromEntries([[column, 'x']]) }),
        names: /null_defaults/,
      },
      'unrepresentable, the column': {
        of: (column) => ({ unrepresentable: Object.fromEntries([[column, 'null']]) }),
        names: /unrepresentable/,
      },
      'unrepresentable, the policy': {
        of: (policy) => ({ unrepresentable: { name: policy } }),
        names: /unrepresentable\.name: /,
      },
      load_type: { of: (load_type) => ({ load_type }), names: /load_type: / },
      partition_column: {
        of: (partition_column) => ({ partition_column, partition_granularity: 'day' }),
        names: /partition_column|partition column .* does not exist/s,
      },
      partition_granularity: {
        of: (partition_granularity) => ({ partition_column: 'opened', partition_granularity }),
        names: /partition_granularity: /,
      },
      cluster_columns: {
        of: (column) => ({ cluster_columns: [column] }),
        names: /cluster_columns|cluster column .* does not exist/s,
      },
      report_column: {
        of: (report_column) => ({ report_column }),
        names: /report_column|report column .* does not exist/s,
      },
      'lookups.table': {
        of: (table) => ({ lookups: [{ ...lookup, table }] }),
        names: /lookups|lookup table .* does not exist/s,
      },
      'lookups.model': {
        of: (model) => ({ lookups: [{ ...lookup, model }] }),
        names: /lookups|content type .* does not exist/s,
      },
      'lookups.app_label': {
        of: (app_label) => ({ lookups: [{ ...lookup, app_label }] }),
        names: /lookups|content type .* does not exist/s,
      },
      'lookups.column': {
        of: (column) => ({ lookups: [{ ...lookup, column }] }),
        names: /lookups|lookup column .* does not exist/s,
      },
      'a field that nobody knows': {
        of: (field) => Object.fromEntries([[field, 1]]),
        names: /nrecognized key/,
      },
    };
    for (const [field, { of, names }] of Object.entries(FIELDS)) {
      it(`at ${field}: is refused by its name`, async () => {
        for (const injection of EVERY) {
          await assertRefused(carry(of(injection)), injection, names);
          await canaries.assertAlive(injection);
        }
      });
    }

    it('at the value of a default: no database can hold it', async () => {
      for (const injection of UNHOLDABLE) {
        await assertRefused(
          carry({ null_defaults: { name: injection } }),
          injection,
          /null_defaults\.name: /,
        );
      }
    });

    it('is let through nowhere by accident: the view source as it is, is carried', async () => {
      await carry({});
      await on.assertEqual();
    });
  });

  describe('from the environment', () => {
    let on: Installation;
    let env: Record<string, string>;
    let canaries: Canaries;

    before(async () => {
      on = await stack.install();
      ({ env } = on.parts);
      canaries = await Canaries.setOut(on);
    });

    for (const variable of [
      ...['GOOGLE_CLOUD_PROJECT', 'STAGING_BUCKET', 'BIGQUERY_LOCATION', 'LOG_LEVEL', 'MAX_BATCH_LOG_ROWS'],
      ...['TEMP_DATASET', 'TARGET_DATASET', 'VIEW_DATASET', 'TOPIC_EXTRACT', 'TOPIC_DEAD_LETTER'],
    ]) {
      it(`at ${variable}: is refused by its name`, async () => {
        for (const injection of [...INJECTIONS, VERY_LONG]) {
          const parsed = (async () => parseConfig({ ...env, [variable]: injection }))();
          await assertRefused(parsed, injection, new RegExp(`${variable} `));
        }
      });
    }

    for (const variable of ['CHANGE_LOG_TABLE', 'CONTENT_TYPE_TABLE']) {
      it(`at ${variable}: is a table that does not exist`, async () => {
        const { dependencies } = on;
        for (const injection of [...INJECTIONS, VERY_LONG]) {
          on.dependencies = { ...dependencies, config: parseConfig({ ...env, [variable]: injection }) };
          await assertRefused(on.extract(), injection, /relation .* does not exist/s);
          await dependencies.control.viewStops.resume('pmr_project');
        }
        on.dependencies = dependencies;
        await canaries.assertAlive(variable);
      });
    }
  });

  describe('from an event', () => {
    let on: Installation;
    let canaries: Canaries;

    before(async () => {
      on = await stack.install();
      await on.source.add('app_project', { id: 1, name: 'one' });
      await on.replicate();
      canaries = await Canaries.setOut(on);
    });
    afterEach(() => canaries.assertAlive('an event'));

    it('as a view: none is named so', async () => {
      for (const injection of EVERY) {
        const extract = async () => {
          const event = parseExtractEvent({ view: injection });
          assert.ok(event.command === 'extract');
          return await on.extract(event.view);
        };
        await assertRefused(extract(), injection, /view: |no view source is named/);
        const merge = async () => {
          const event = parseBatchEvent({ view: injection, etlTransactionId: '1' });
          return await on.merge({ ...event, etlTransactionId: '1' });
        };
        await assertRefused(merge(), injection, /view: |no view source is named/);
      }
    });

    it('as the id of an ETL transaction: it is none', async () => {
      for (const injection of EVERY) {
        const parsed = (async () => parseBatchEvent({ view: 'pmr_project', etlTransactionId: injection }))();
        await assertRefused(parsed, injection, /etlTransactionId: is not an ETL transaction id/);
      }
    });

    it('as keys of a view whose keys are numbers: they are none', async () => {
      for (const injection of INJECTIONS) {
        const asked = { command: 'keys' as const, view: 'pmr_project', keys: ['1', injection] };
        const keys = queueKeys(asked, on.dependencies);
        await assertRefused(keys, injection, /are not values of the key's type: /);
      }
      assert.deepEqual((await on.control.query('select * from etl.queued_key')).rows, []);
    });

    it('as a trigger: is written down as it is', async () => {
      for (const [i, injection] of INJECTIONS.slice(0, 5).entries()) {
        await on.source.change('app_project', 1, { name: `changed ${i}` });
        const event = parseExtractEvent({ view: 'pmr_project', trigger: injection });
        assert.ok(event.command === 'extract' && event.trigger !== undefined);
        const batch = await on.extract(event.view, event.trigger);
        assert.ok(batch.outcome === 'staged');
        await on.merge(batch);
        assert.equal((await on.batches()).at(-1)?.trigger, injection);
      }
      await on.assertEqual();
    });
  });

  describe('from the change log', () => {
    it('as the id of an object: is no key, and is counted', async () => {
      const on = await stack.install();
      await on.source.add('app_project', { id: 1, name: 'one' });
      await on.replicate();
      const canaries = await Canaries.setOut(on);
      for (const injection of INJECTIONS) await on.source.log('app_project', injection, 'changed');
      await on.source.change('app_project', 1, { name: 'two' });

      await on.replicate();

      assert.equal((await on.batches()).at(-1)?.bad_keys, String(INJECTIONS.length));
      await on.assertEqual();
      await canaries.assertAlive('object ids');
    });

    it('as the fields that changed, and as an action: the row is fetched where it may matter', async () => {
      const on = await stack.install();
      await on.source.add('app_project', { id: 1, name: 'one' });
      await on.replicate();
      const canaries = await Canaries.setOut(on);
      for (const injection of INJECTIONS) {
        await on.source.log(
          'app_project',
          1,
          'changed',
          Object.fromEntries([[injection, { new: injection }]]),
        );
      }
      assert.partialDeepStrictEqual(await on.extract(), {
        outcome: 'idle',
        logRows: String(INJECTIONS.length),
      });
      await on.source.database.query(
        `insert into models_logging_change (object_id, content_type_id, action, changed_data, object_repr)
         select 1, 7, left(x, 7), to_jsonb(x), x from unnest($1::text[]) x`,
        [INJECTIONS],
      );

      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });

      await on.assertEqual();
      await canaries.assertAlive('changed fields');
    });
  });

  for (const loadType of LOAD_TYPES) {
    describe(`from the rows of a view of load type ${loadType}`, () => {
      it('as keys and values: arrives as it is, changes, and goes', async () => {
        const thing = await ThingView.install(stack, {
          loadType,
          keyType: 'text',
          columns: { note: 'text', list: 'text[]', doc: 'jsonb' },
        });
        const canaries = await Canaries.setOut(thing.on);
        const put = async (key: string, value: string) => {
          const text = pg.escapeLiteral(value);
          await thing.put(pg.escapeLiteral(key), {
            note: text,
            list: `array[${text}]`,
            doc: `jsonb_build_object(${text}, ${text})`,
          });
        };
        const [first = '', ...others] = INJECTIONS;
        for (const injection of others) await put(injection, injection);
        await thing.replicate();
        await thing.assertEqual();

        await put(first, first);
        for (const injection of others) await put(injection, `${injection}${injection}`);
        await thing.delete(pg.escapeLiteral(others.at(-1) ?? ''));
        await thing.replicate();
        await thing.assertEqual();

        await thing.on.source.database.query(`update app_thing set note = 'unlogged'`);
        await queueKeys(
          { command: 'keys', view: 'thing_view', keys: [...INJECTIONS] },
          thing.on.dependencies,
        );
        await thing.apply(await thing.on.stage('thing_view'));
        await thing.assertEqual();
        await canaries.assertAlive('rows');
      });
    });
  }

  it('from a default: arrives as the text that it is', async () => {
    const names = INJECTIONS.map((_, i) => `note_${i}`);
    const thing = await ThingView.install(stack, {
      loadType: 'merge',
      columns: Object.fromEntries(names.map((name) => [name, 'text'])),
      entry: { null_defaults: Object.fromEntries(names.map((name, i) => [name, INJECTIONS[i] ?? ''])) },
    });
    const canaries = await Canaries.setOut(thing.on);
    await thing.put('1');

    await thing.replicate();

    const [row] = await thing.target();
    assert.deepEqual(
      names.map((name) => row?.[name]),
      INJECTIONS,
    );
    await canaries.assertAlive('defaults');
  });

  describe('from the source’s catalog', () => {
    it('as a column of the view: is refused before anything is made, with advice', async () => {
      const on = await stack.install();
      const canaries = await Canaries.setOut(on);
      for (const injection of INJECTIONS) {
        const column = pg.escapeIdentifier(injection);
        await on.source.database.query(
          `create or replace view pmr_site as select id as site_id, project_id, name, 1 as ${column} from app_site;
           grant select on pmr_site to reader`,
        );
        await assertRefused(
          on.extract('pmr_site'),
          injection,
          /has a name that BigQuery does not accept: rename it in the view/,
        );
        await on.dependencies.control.viewStops.resume('pmr_site');
        await on.source.database.query('drop view pmr_site');
      }
      const [tables] = await on.bigquery.dataset('SMartData_Temp').getTables();
      assert.deepEqual(tables, []);
      await on.source.database.query(
        'create view pmr_site as select id as site_id, project_id, name from app_site; grant select on pmr_site to reader',
      );
      await canaries.assertAlive('columns');
    });

    it('as the name of a table, its key, a column, a lookup, a content type: is read as it is', async () => {
      const on = await stack.install();
      const canaries = await Canaries.setOut(on);
      const [table, key] = [`t${WORST}`, `k${WORST}`];
      const [app_label, model] = [`a${WORST}`, `m${WORST}`];
      const name = pg.escapeIdentifier;
      const text = pg.escapeLiteral;
      const odd = INJECTIONS.map((injection, i) => ({
        tracked: `c${injection}`,
        lookup: `l${injection}`,
        pointer: `p${injection}`,
        model: `m${injection}`,
        type: i + 2,
      }));
      await on.source.database.query(`
        truncate models_logging_change, django_content_type restart identity;
        insert into django_content_type (id, app_label, model) values
          ${[...odd, { type: 1, model }].map((each) => `(${each.type}, ${text(app_label)}, ${text(each.model)})`).join(', ')};
        ${odd.map((each) => `create table ${name(each.lookup)} (id bigint primary key, name text); insert into ${name(each.lookup)} values (1, 'one');`).join('\n')}
        create table ${name(table)} (${name(key)} bigint primary key,
          ${odd.map((each) => `${name(each.tracked)} text, ${name(each.pointer)} bigint default 1`).join(', ')});
        insert into ${name(table)} (${name(key)}) values (1), (2);
        create view odd as select m.${name(key)} as odd_id,
          ${odd.map((each, i) => `m.${name(each.tracked)} as note_${i}, l${i}.name as lookup_${i}`).join(', ')}
          from ${name(table)} m ${odd.map((each, i) => `left join ${name(each.lookup)} l${i} on l${i}.id = m.${name(each.pointer)}`).join(' ')};
        grant select on odd, ${[table, ...odd.map(({ lookup }) => lookup)].map(name).join(', ')} to reader;`);
      const { entries } = parseImport([
        {
          name: 'odd',
          target_name: 'odd',
          main_table: table,
          app_label,
          model,
          key_column: 'odd_id',
          tracked_columns: odd.map(({ tracked }) => tracked),
          load_type: 'merge',
          lookups: odd.map((each) => ({
            table: each.lookup,
            app_label,
            model: each.model,
            column: each.pointer,
          })),
        },
      ]);
      await importConfiguration({ entries }, on.dependencies);
      await on.replicate('odd');

      for (const [i, { lookup, tracked, type }] of odd.entries()) {
        await on.source.database.query(`
          update ${name(lookup)} set name = 'uno ${i}' where id = 1;
          insert into models_logging_change (object_id, content_type_id, action) values (1, ${type}, 'changed');
          update ${name(table)} set ${name(tracked)} = 'changed ${i}' where ${name(key)} = 2;
          insert into models_logging_change (object_id, content_type_id, action, changed_data)
            values (2, 1, 'changed', jsonb_build_object(${text(tracked)}, 1));`);
      }
      assert.partialDeepStrictEqual(await on.replicate('odd'), { changed: '2' });

      const { rows } = await on.source.database.query('select * from odd order by odd_id');
      assert.deepEqual(
        await on.query(
          'select * except (is_deleted, update_at, etl_transaction_id) from SMartDataAnalytics.odd order by odd_id',
        ),
        rows,
      );
      await canaries.assertThere('names');
    });
  });
});

/** The entries of an event that imports them. */
function parseImport(entries: object[]): { entries: ReturnType<typeof viewSourceImport.parse> } {
  const event = parseExtractEvent({ import: entries });
  assert.ok(event.command === 'import');
  return event;
}

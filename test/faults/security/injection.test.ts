import assert from 'node:assert/strict';
import pg from 'pg';
import { parseConfig } from '../../../shared/config/config.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { parseBatchEvent } from '../../../shared/events/batch-event.ts';
import { parseExtractEvent } from '../../../shared/events/extract-event.ts';
import type { viewSourceImport } from '../../../shared/model/view-source-import.ts';
import { dryRun } from '../../../shared/operations/dry-run.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { queueKeys } from '../../../shared/operations/queue-keys.ts';
import { type Installation, PROJECT_ENTRY } from '../../support/installation.ts';
import { useStack } from '../../support/use-installation.ts';
import { LOAD_TYPES, ThingView } from '../bad-data/thing-view.ts';
import { Canaries } from './canaries.ts';
import { INJECTIONS, UNSTORABLE, VERY_LONG, WORST } from './injections.ts';

const EVERY = [...INJECTIONS, ...UNSTORABLE, VERY_LONG];

describe('I12 text from outside never becomes part of a statement', () => {
  const stack = useStack();

  /** Asserts that the work fails with an error of the input, whose message matches. */
  async function assertRefused(work: Promise<unknown>, injection: string, message: RegExp): Promise<void> {
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
    assert.match(error.message, message, shown);
  }

  describe('from a view source', () => {
    let on: Installation;
    let canaries: Canaries;

    before(async () => {
      on = await stack.install();
      await on.source.add('app_company', { id: 1, name: 'acme' });
      await on.source.add('app_project', { id: 1, name: 'one', company_id: 1 }, { id: 2, name: null });
      canaries = await Canaries.plant(on);
    });

    /** Imports the view source into an empty configuration, and runs preflight, dry run, extract and merge. */
    const replicate = async (changed: object): Promise<void> => {
      await on.control.query('truncate etl.view_source cascade');
      const { entries } = parseImport([{ ...PROJECT_ENTRY, ...changed }]);
      await importConfiguration({ entries }, on.dependencies);
      await preflight({ view: 'pmr_project' }, on.dependencies);
      await dryRun({ view: 'pmr_project' }, on.dependencies);
      await on.replicate();
    };

    const lookup = { table: 'app_company', app_label: 'app', model: 'company', column: 'company_id' };
    /** For each place of a view source that takes a text: the changed view source, and the message of the refusal. */
    const FIELDS: Record<string, { withText: (text: string) => object; message: RegExp }> = {
      name: { withText: (name) => ({ name }), message: /name: / },
      target_name: { withText: (target_name) => ({ target_name }), message: /target_name: / },
      main_table: {
        withText: (main_table) => ({ main_table }),
        message: /main_table|main table .* does not exist/s,
      },
      app_label: {
        withText: (app_label) => ({ app_label }),
        message: /app_label|content type .* does not exist/s,
      },
      model: { withText: (model) => ({ model }), message: /model|content type .* does not exist/s },
      key_column: {
        withText: (key_column) => ({ key_column }),
        message: /key_column|key column .* does not exist/s,
      },
      tracked_columns: {
        withText: (column) => ({ tracked_columns: [column] }),
        message: /tracked_columns|tracked column .* does not exist/s,
      },
      'foreign_keys.column': {
        withText: (column) => ({ foreign_keys: [{ column, references: 'site' }] }),
        message: /foreign_keys|foreign key column .* does not exist/s,
      },
      'foreign_keys.references': {
        withText: (references) => ({ foreign_keys: [{ column: 'project_id', references }] }),
        message: /foreign_keys\.0\.references: /,
      },
      datetime_columns: {
        withText: (column) => ({ datetime_columns: [column] }),
        message: /datetime_columns|datetime column .* does not exist/s,
      },
      'null_defaults, the column': {
        withText: (column) => ({ null_defaults: Object.fromEntries([[column, 'x']]) }),
        message: /null_defaults/,
      },
      'unrepresentable, the column': {
        withText: (column) => ({ unrepresentable: Object.fromEntries([[column, 'null']]) }),
        message: /unrepresentable/,
      },
      'unrepresentable, the policy': {
        withText: (policy) => ({ unrepresentable: { name: policy } }),
        message: /unrepresentable\.name: /,
      },
      load_type: { withText: (load_type) => ({ load_type }), message: /load_type: / },
      partition_column: {
        withText: (partition_column) => ({ partition_column, partition_granularity: 'day' }),
        message: /partition_column|partition column .* does not exist/s,
      },
      partition_granularity: {
        withText: (partition_granularity) => ({ partition_column: 'opened', partition_granularity }),
        message: /partition_granularity: /,
      },
      cluster_columns: {
        withText: (column) => ({ cluster_columns: [column] }),
        message: /cluster_columns|cluster column .* does not exist/s,
      },
      report_column: {
        withText: (report_column) => ({ report_column }),
        message: /report_column|report column .* does not exist/s,
      },
      'lookups.table': {
        withText: (table) => ({ lookups: [{ ...lookup, table }] }),
        message: /lookups|lookup table .* does not exist/s,
      },
      'lookups.model': {
        withText: (model) => ({ lookups: [{ ...lookup, model }] }),
        message: /lookups|content type .* does not exist/s,
      },
      'lookups.app_label': {
        withText: (app_label) => ({ lookups: [{ ...lookup, app_label }] }),
        message: /lookups|content type .* does not exist/s,
      },
      'lookups.column': {
        withText: (column) => ({ lookups: [{ ...lookup, column }] }),
        message: /lookups|lookup column .* does not exist/s,
      },
      'lookups.references': {
        withText: (references) => ({ lookups: [{ ...lookup, references }] }),
        message: /lookups|referenced column .* does not exist/s,
      },
      'child_models.model': {
        withText: (model) => ({ child_models: [{ app_label: 'app', model }] }),
        message: /child_models|content type .* does not exist/s,
      },
      'an unknown field': {
        withText: (field) => Object.fromEntries([[field, 1]]),
        message: /nrecognized key/,
      },
    };
    for (const [field, { withText, message }] of Object.entries(FIELDS)) {
      it(`in ${field}: the refusal names the field`, async () => {
        for (const injection of EVERY) {
          await assertRefused(replicate(withText(injection)), injection, message);
          await canaries.assertUntouched(injection);
        }
      });
    }

    it('in the value of a default: text that PostgreSQL cannot store is refused', async () => {
      for (const injection of UNSTORABLE) {
        await assertRefused(
          replicate({ null_defaults: { name: injection } }),
          injection,
          /null_defaults\.name: /,
        );
      }
    });

    it('but the unchanged view source is replicated', async () => {
      await replicate({});
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
      canaries = await Canaries.plant(on);
    });

    for (const variable of [
      ...['GOOGLE_CLOUD_PROJECT', 'STAGING_BUCKET', 'BIGQUERY_LOCATION', 'LOG_LEVEL', 'MAX_BATCH_LOG_ROWS'],
      ...['TEMP_DATASET', 'TARGET_DATASET', 'VIEW_DATASET', 'TOPIC_EXTRACT', 'TOPIC_DEAD_LETTER'],
    ]) {
      it(`in ${variable}: the refusal names the variable`, async () => {
        for (const injection of [...INJECTIONS, VERY_LONG]) {
          const parsed = (async () => parseConfig({ ...env, [variable]: injection }))();
          await assertRefused(parsed, injection, new RegExp(`${variable} `));
        }
      });
    }

    for (const variable of ['CHANGE_LOG_TABLE', 'CONTENT_TYPE_TABLE']) {
      it(`in ${variable}: names a table that does not exist`, async () => {
        const { dependencies } = on;
        for (const injection of [...INJECTIONS, VERY_LONG]) {
          on.dependencies = { ...dependencies, config: parseConfig({ ...env, [variable]: injection }) };
          await assertRefused(
            on.extract(),
            injection,
            /(change log|content type table) .* does not exist in the source/s,
          );
          await dependencies.control.viewStops.resume('pmr_project');
        }
        on.dependencies = dependencies;
        await canaries.assertUntouched(variable);
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
      canaries = await Canaries.plant(on);
    });
    afterEach(() => canaries.assertUntouched('an event'));

    it('as a view: no view has this name', async () => {
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

    it('as a batch id: it is refused', async () => {
      for (const injection of EVERY) {
        const parsed = (async () => parseBatchEvent({ view: 'pmr_project', etlTransactionId: injection }))();
        await assertRefused(parsed, injection, /etlTransactionId: is not an ETL transaction id/);
      }
    });

    it('as keys of a view with integer keys: they are refused', async () => {
      for (const injection of INJECTIONS) {
        const command = { command: 'keys' as const, view: 'pmr_project', keys: ['1', injection] };
        const keys = queueKeys(command, on.dependencies);
        await assertRefused(keys, injection, /are not values of the key's type: /);
      }
      assert.deepEqual((await on.control.query('select * from etl.queued_key')).rows, []);
    });

    it('as a trigger: it is stored unchanged', async () => {
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
    it('as an object id: it is counted as a bad key', async () => {
      const on = await stack.install();
      await on.source.add('app_project', { id: 1, name: 'one' });
      await on.replicate();
      const canaries = await Canaries.plant(on);
      for (const injection of INJECTIONS) await on.source.log('app_project', injection, 'changed');
      await on.source.change('app_project', 1, { name: 'two' });

      await on.replicate();

      assert.equal((await on.batches()).at(-1)?.bad_keys, String(INJECTIONS.length));
      await on.assertEqual();
      await canaries.assertUntouched('object ids');
    });

    it('as changed fields, changed keys or an action: the row is fetched', async () => {
      const on = await stack.install();
      await importConfiguration({ entries: [{ ...PROJECT_ENTRY, skip_untracked: true }] }, on.dependencies);
      await on.source.add('app_project', { id: 1, name: 'one' });
      await on.replicate();
      const canaries = await Canaries.plant(on);
      for (const injection of INJECTIONS) {
        await on.source.log(
          'app_project',
          1,
          'changed',
          Object.fromEntries([[injection, { new: injection }]]),
        );
        await on.source.log('app_project', 1, 'changed', { id: { old: injection, new: injection } });
      }
      await on.source.change('app_project', 1, { name: 'uno' });
      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      await on.assertEqual();
      assert.equal((await on.batches())[1]?.bad_keys, String(2 * INJECTIONS.length));
      await on.source.change('app_project', 1, { remark: 'in no view' });
      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'idle', logRows: '1' });
      await on.source.database.query(
        `insert into models_logging_change (object_id, content_type_id, action, changed_data, object_repr)
         select 1, 7, left(x, 7), to_jsonb(x), x from unnest($1::text[]) x`,
        [INJECTIONS],
      );

      assert.partialDeepStrictEqual(await on.replicate(), { unchanged: '1' });

      await on.assertEqual();
      await canaries.assertUntouched('changed fields');
    });
  });

  for (const loadType of LOAD_TYPES) {
    describe(`from the rows of a view with load type ${loadType}`, () => {
      it('as keys and values: rows are added, changed and deleted with the exact text', async () => {
        const thing = await ThingView.install(stack, {
          loadType,
          keyType: 'text',
          columns: { note: 'text', list: 'text[]', doc: 'jsonb' },
        });
        const canaries = await Canaries.plant(thing.on);
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
        await canaries.assertUntouched('rows');
      });
    });
  }

  it('from a default: it arrives unchanged', async () => {
    const names = INJECTIONS.map((_, i) => `note_${i}`);
    const thing = await ThingView.install(stack, {
      loadType: 'merge',
      columns: Object.fromEntries(names.map((name) => [name, 'text'])),
      entry: { null_defaults: Object.fromEntries(names.map((name, i) => [name, INJECTIONS[i] ?? ''])) },
    });
    const canaries = await Canaries.plant(thing.on);
    await thing.put('1');

    await thing.replicate();

    const [row] = await thing.target();
    assert.deepEqual(
      names.map((name) => row?.[name]),
      INJECTIONS,
    );
    await canaries.assertUntouched('defaults');
  });

  describe('from the catalog of the source', () => {
    it('as a column name: it is refused with advice before any table is created', async () => {
      const on = await stack.install();
      const canaries = await Canaries.plant(on);
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
      await canaries.assertUntouched('columns');
    });

    it('as the name of a table, key, column, lookup or content type: it is read correctly', async () => {
      const on = await stack.install();
      const canaries = await Canaries.plant(on);
      const [table, key] = [`t${WORST}`, `k${WORST}`];
      const [app_label, model] = [`a${WORST}`, `m${WORST}`];
      const name = pg.escapeIdentifier;
      const text = pg.escapeLiteral;
      const odd = INJECTIONS.map((injection, i) => ({
        tracked: `c${injection}`,
        lookup: `l${injection}`,
        reference: `p${injection}`,
        model: `m${injection}`,
        type: i + 2,
      }));
      await on.source.database.query(`
        truncate models_logging_change, django_content_type restart identity;
        insert into django_content_type (id, app_label, model) values
          ${[...odd, { type: 1, model }].map((each) => `(${each.type}, ${text(app_label)}, ${text(each.model)})`).join(', ')};
        ${odd.map((each) => `create table ${name(each.lookup)} (id bigint primary key, name text); insert into ${name(each.lookup)} values (1, 'one');`).join('\n')}
        create table ${name(table)} (${name(key)} bigint primary key,
          ${odd.map((each) => `${name(each.tracked)} text, ${name(each.reference)} bigint default 1`).join(', ')});
        insert into ${name(table)} (${name(key)}) values (1), (2);
        create view odd as select m.${name(key)} as odd_id,
          ${odd.map((each, i) => `m.${name(each.tracked)} as note_${i}, l${i}.name as lookup_${i}`).join(', ')}
          from ${name(table)} m ${odd.map((each, i) => `left join ${name(each.lookup)} l${i} on l${i}.id = m.${name(each.reference)}`).join(' ')};
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
            column: each.reference,
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
      await canaries.assertPresent('names');
    });
  });
});

/** Returns the import command of an event with these entries. */
function parseImport(entries: object[]): { entries: ReturnType<typeof viewSourceImport.parse> } {
  const event = parseExtractEvent({ import: entries });
  assert.ok(event.command === 'import');
  return event;
}

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '../../support/command.ts';
import { SHOP_READER, SHOP_VIEWS, useShopDatabases } from '../../support/shop-databases.ts';
import { proposeFor } from '../cli/propose-for.ts';

describe('datahub propose --with-log', () => {
  const shops = useShopDatabases();
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'with-log-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
    const command = new Command('../cli/index.ts', ['propose', ...args], {
      PGPASSWORD: SHOP_READER.password,
    });
    return { code: await command.exitCode, output: command.output };
  }

  it('leads a database without a log and without Django to a whole proposal, and back', async () => {
    const shop = await shops.make(
      'drop table models_logging_change, django_content_type cascade; alter table shop_category rename to "Product Categories"',
    );
    const file = join(folder, 'log.sql');
    const args = ['--source', shop.url, '--out', join(folder, 'views.json'), '--force'];
    const first = await run(...args, '--with-log', file);
    assert.equal(first.code, 3, first.output);
    assert.match(first.output, /Let triggers write one: npm run datahub -- propose --with-log/);
    assert.match(
      first.output,
      /CHANGE_LOG_TABLE=datahub_change_log CONTENT_TYPE_TABLE=datahub_content_type npm run datahub -- propose/,
    );
    const script = await readFile(file, 'utf8');
    assert.match(script, /grant select on .* to "reader";/);

    await shop.owner.query(script);
    const second = await run(...args);
    assert.equal(second.code, 0, second.output);
    const { proposals, log } = await proposeFor(shop);
    assert.deepEqual(
      proposals.map(({ entry, todo }) => [entry.name, todo]),
      SHOP_VIEWS.map((name) => [name, []]),
    );
    assert.deepEqual(log.variables, {
      CHANGE_LOG_TABLE: 'datahub_change_log',
      CONTENT_TYPE_TABLE: 'datahub_content_type',
    });
    // By its triggers, since its name says no model.
    const lookups = proposals.find(({ entry }) => entry.name === 'product_report')?.entry.lookups;
    assert.deepEqual(
      lookups?.map(({ app_label, model }) => [app_label, model]),
      [['public', 'Product Categories']],
    );

    await shop.owner.query(
      `create table shop_note (id bigint primary key); create view note_report as select id as note_id from shop_note;
       grant select on shop_note, note_report to ${SHOP_READER.name}`,
    );
    const later = await run(...args, '--view', 'note_report');
    assert.match(later.output, /note_report: app_label, model: no triggers log changes of shop_note in /);

    await shop.owner.query(await readFile(join(folder, 'log.remove.sql'), 'utf8'));
    assert.equal((await proposeFor(shop)).log.logTable, null);
  });

  it('says who can run the script, and that a role which may write gets another one beside it', async () => {
    const shop = await shops.make();
    const args = [
      '--source',
      shop.url,
      '--view',
      'order_report',
      '--out',
      join(folder, 'who.json'),
      '--force',
    ];
    const steps = async () => (await run(...args, '--with-log', join(folder, 'who.sql'))).output;
    const { rows } = await shop.owner.query('select current_user as owner');
    const first = await steps();
    assert.match(first, new RegExp(`who\\.sql {4}as ${rows[0].owner}, the owner of the tables; `));
    assert.doesNotMatch(first, /datahub_reader/);

    await shop.owner.query(
      `grant update on shop_order to ${SHOP_READER.name}; create role customers_owner; alter table shop_customer owner to customers_owner`,
    );
    const second = await steps();
    assert.match(second, /who\.sql {4}as a superuser, since the tables have several owners; /);
    assert.match(second, /Role reader may write, .* \(\\password datahub_reader\) and use its URL/);
    assert.match(await readFile(join(folder, 'who.sql'), 'utf8'), /^-- Run it as a superuser, since/m);
  });

  it('logs the tables that somebody has decided on, and says under which models', async () => {
    const shop = await shops.make(
      `drop table models_logging_change, django_content_type cascade;
       create table pilot (pilot_id int primary key); create table licence (licence_id int primary key, pilot int not null unique);
       insert into pilot values (1); insert into licence values (7, 1);
       create view licensed as select p.pilot_id, l.licence_id from pilot p join licence l on l.pilot = p.pilot_id`,
    );
    const decided = join(folder, 'decided.json');
    const sql = join(folder, 'decided.sql');
    const args = ['--source', shop.url, '--view', 'licensed', '--with-log', sql, '--force', '--out'];
    const asked = await run(...args, decided);
    assert.match(
      asked.output,
      /No change log: .* Decide them in the file of view sources, and name it with --decided\./,
    );

    const file = JSON.parse(await readFile(decided, 'utf8'));
    Object.assign(file.import[0], {
      main_table: 'licence',
      key_column: 'licence_id',
      lookups: [{ table: 'pilot', column: 'pilot', references: 'pilot_id' }],
    });
    await writeFile(decided, JSON.stringify(file));
    const logged = await run(...args, join(folder, 'again.json'), '--decided', decided);
    assert.match(logged.output, /"public"\."licence" has "app_label": "public", "model": "licence"/);
    await shop.owner.query(await readFile(sql, 'utf8'));
    const { rows } = await shop.owner.query('select model from datahub_content_type order by model');
    assert.deepEqual(
      rows.map(({ model }) => model),
      ['licence', 'pilot'],
    );

    await writeFile(decided, '{"import": [{}]}');
    const faulty = await run(...args, join(folder, 'again.json'), '--decided', decided);
    assert.equal(faulty.code, 1);
    assert.match(faulty.output, /decided\.json has no view sources: import\.0\.name: /);
  });

  it('overwrites no file, and prints the script alone to the standard output', async () => {
    const shop = await shops.make();
    const file = join(folder, 'once.sql');
    const args = ['--source', shop.url, '--view', 'order_report', '--out', join(folder, 'one.json')];
    assert.equal((await run(...args, '--with-log', file)).code, 0);
    const again = await run(...args, '--with-log', file);
    assert.deepEqual(
      [again.code, /once\.sql and .*once\.remove\.sql exists/.test(again.output)],
      [1, true],
      again.output,
    );
    const printed = await run(...args, '--with-log=-', '--force');
    assert.match(
      printed.output,
      /create or replace trigger datahub_log_\d+_insert after insert on "public"\."shop_order"/,
    );
    // The ids of Django's content types are kept.
    const { rows } = await shop.owner.query(`select id from django_content_type where model = 'order'`);
    assert.match(printed.output, new RegExp(`\\(${rows[0].id}, 'shop', 'order'\\)`));
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '../../support/command.ts';
import { schemaFaults } from '../../support/schema-faults.ts';
import { READ_ALL, SHOP_READER, type ShopDatabase, useShopDatabases } from '../../support/shop-databases.ts';

describe('datahub propose', () => {
  const shops = useShopDatabases();
  let folder: string;
  let shop: ShopDatabase;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'propose-'));
    shop = await shops.make(
      'create view twice_report as select id as order_id from shop_order, generate_series(1, 2)',
    );
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
    const command = new Command('../cli/index.ts', ['propose', ...args], {
      PGPASSWORD: SHOP_READER.password,
    });
    const code = await command.exitCode;
    assert.ok(!command.output.includes(SHOP_READER.password), 'the password is never printed');
    return { code, output: command.output };
  }

  it('writes the file once, exits with 0 for a whole proposal, and overwrites only with --force', async () => {
    const file = join(folder, 'whole.json');
    const args = ['--source', shop.url, '--view', 'order_report', '--view', 'product_report', '--out', file];
    const first = await run(...args);
    assert.equal(first.code, 0, first.output);
    assert.match(first.output, /^order_report +300 +shop_order +order_id +merge *$/m);
    assert.match(first.output, /npm run datahub -- views import \S+whole\.json/);
    const written = await readFile(file, 'utf8');
    assert.deepEqual(await schemaFaults(JSON.parse(written)), []);
    const again = await run(...args);
    assert.equal(again.code, 1);
    assert.match(again.output, /whole\.json exists: name another file, or add --force/);
    assert.equal((await run(...args, '--force')).code, 0);
  });

  it('says which folder is missing, and why a file cannot be written', async () => {
    const args = ['--source', shop.url, '--view', 'order_report', '--out'];
    const missing = await run(...args, join(folder, 'nowhere', 'views.json'));
    assert.equal(missing.code, 1);
    assert.equal(missing.output.trim(), `There is no folder ${join(folder, 'nowhere')} to write to.`);
    const refused = await run(...args, folder, '--force');
    assert.equal(refused.code, 1);
    assert.match(refused.output, /^The file \S+ cannot be written: EISDIR: .+$/m);
    assert.doesNotMatch(refused.output, /^ *at /m, 'it is no bug of ours');
  });

  it('exits with 3 if something is left to decide, and prints the file alone to the standard output', async () => {
    const url = new URL(shop.url);
    url.password = '';
    const { code, output } = await run('--source', url.href, '--view', 'twice_report', '--out', '-');
    assert.equal(code, 3, output);
    assert.match(output, /"todo": \[\n? +"key_column: no key that the view shows is unique/);
  });

  it('writes statements for tables that no view shows', async () => {
    await shop.owner.query(`create table shop_note (id bigint primary key, body text); ${READ_ALL}`);
    const sql = join(folder, 'views.sql');
    const { code, output } = await run(
      '--source',
      shop.url,
      '--view',
      'order_report',
      '--views-sql',
      sql,
      '--out',
      join(folder, 'b.json'),
    );
    assert.equal(code, 0, output);
    assert.match(
      await readFile(sql, 'utf8'),
      /create view shop_note_report as\nselect\n {2}t\.id as note_id,\n {2}t\.body\nfrom public\.shop_note t;/,
    );
  });

  it('streams the views that --stream names, and refuses a name that is not proposed', async () => {
    const args = ['--source', shop.url, '--view', 'order_report', '--out', join(folder, 'streamed.json')];
    const unknown = await run(...args, '--stream', 'other_report');
    assert.equal(unknown.code, 1, unknown.output);
    assert.match(unknown.output, /--stream other_report: the role finds no such view/);
    const { code, output } = await run(...args, '--stream', 'order_report');
    assert.equal(code, 0, output);
    assert.match(output, /^order_report +300 +shop_order +order_id +bq-storage-api *$/m);
  });

  for (const [what, args, words] of [
    [
      'a URL of something else',
      ['--source', 'mysql://me:hunter2@localhost/x'],
      /SOURCE_DATABASE_URL must be a postgresql:\/\/ URL/,
    ],
    [
      'TLS in the URL',
      ['--source', 'postgresql://me:hunter2@localhost/x?sslmode=require'],
      /set the variable ending in _TLS/,
    ],
  ] as const) {
    it(`exits with 2 for ${what}`, async () => {
      const { code, output } = await run(...args);
      assert.equal(code, 2, output);
      assert.match(output, words);
    });
  }

  it('exits with 1 if the server refuses the login or is not there, without a stack trace', async () => {
    const wrong = new URL(shop.url);
    wrong.password = 'wrong';
    const nowhere = new URL(shop.url);
    nowhere.port = '1';
    for (const [url, words] of [
      [wrong, /password authentication failed/],
      [nowhere, /ECONNREFUSED/],
    ] as const) {
      const { code, output } = await run('--source', url.href, '--out', join(folder, 'none.json'));
      assert.equal(code, 1, output);
      assert.match(output, words);
      assert.doesNotMatch(output, /\bat .*\.ts:\d+/);
    }
  });
});

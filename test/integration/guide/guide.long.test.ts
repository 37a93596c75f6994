import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as elapse } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { SHOP } from '../../support/shop-databases.ts';
import { type Block, blocksOf, GuideReader } from './guide-reader.ts';

const TIMEOUT_MS = 15 * 60_000;
const POLL_INTERVAL_MS = 1_000;
const GUIDE = await readFile(new URL('../../../docs/your-own-database.md', import.meta.url), 'utf8');
/** What the guide runs before it leaves the laptop. */
const BLOCKS = blocksOf(GUIDE.slice(0, GUIDE.indexOf('## 5. To the cloud')));
const [ROLE, URL_OF_SOURCE, PROPOSE, ONCE, START, CHANGE, LOOK, RECONCILE] = BLOCKS as [
  Block,
  Block,
  Block,
  Block,
  Block,
  Block,
  Block,
  Block,
];
/** The database of the guide. */
const PLACE = 'localhost:5432/shop';

/** PostgreSQL 14 comes with npm for this platform alone. */
const HAS_14 = process.platform === 'linux' && process.arch === 'x64';
const TOOLS = fileURLToPath(new URL('../../tools/package.json', import.meta.url));
const SERVERS = [{ version: 18 }, ...(HAS_14 ? [{ version: 14, packagesOf: TOOLS }] : [])];

for (const { version, ...options } of SERVERS) {
  describe(`docs/your-own-database.md, followed command by command on PostgreSQL ${version},`, function () {
    this.timeout(TIMEOUT_MS);
    let postgres: Postgres;
    let owner: pg.Client;
    let reader: GuideReader;

    before(async () => {
      postgres = await startPostgres(options);
      await postgres.createDatabase('shop');
      owner = new pg.Client(postgres.url('shop'));
      await owner.connect();
      await owner.query(SHOP);
      reader = await GuideReader.begin((line) => line.replace(PLACE, `localhost:${postgres.port}/shop`));
    });
    after(async () => {
      await reader.end();
      await owner.end();
      await postgres.stop();
    });

    it('is that version', async () => {
      const { rows } = await owner.query('show server_version_num');
      assert.equal(Math.floor(Number(rows[0].server_version_num) / 10_000), version);
    });

    it('proposes the views, loads them by both load types, and finds both sides equal (I1, I2)', async () => {
      await owner.query(ROLE.lines.join('\n'));
      await reader.type(URL_OF_SOURCE);
      await reader.type(PROPOSE);
      const file = JSON.parse(await readFile(join(reader.folder, 'my-views.json'), 'utf8'));
      const proposed = file.import.map(({ name, load_type, todo }: Record<string, unknown>) => ({
        name,
        load_type,
        todo,
      }));
      assert.deepEqual(proposed, [
        { name: 'customer_report', load_type: 'merge', todo: undefined },
        { name: 'order_report', load_type: 'merge', todo: undefined },
        { name: 'payment_report', load_type: 'merge', todo: undefined },
        { name: 'product_report', load_type: 'bq-storage-api', todo: undefined },
      ]);

      const printed = await reader.type(ONCE);
      assert.match(printed, /^product_report +bq-storage-api +40 +40 .* equal$/m);
      assert.match(printed, /^payment_report +merge +200 +200 .* equal$/m);
      assert.match(printed, /^Source and target are equal/m);
    });

    it('applies what the application changes, shows both sides, and repairs what nobody has logged', async () => {
      await reader.start(START);
      const row = { language: 'sh', lines: LOOK.lines.filter((line) => line.includes(' row ')) } as const;
      await untilPrinted(row, /Both sides have the same values/);
      await owner.query(CHANGE.lines.join('\n'));
      await untilPrinted(row, /^product .* same +"Renamed" +"Renamed"$/m);

      const printed = await reader.type(LOOK);
      assert.match(printed, /order_report.*product_report/s);
      assert.match(printed, /^quantity .* same +7 +7$/m);
      for (const status of ['new', 'paid', 'sent'])
        assert.match(printed, new RegExp(`^${status} +\\d+$`, 'm'));

      await owner.query(`update shop_order set status = 'lost' where id = 1`);
      await reader.type(RECONCILE);
      assert.match(await reader.type(row), /^status .* same +"lost" +"lost"$/m);
    });

    /** A reader looks again until it is there. */
    async function untilPrinted(block: Block, expected: RegExp): Promise<void> {
      for (;;) {
        const printed = await reader.type(block).catch(String);
        if (expected.test(printed)) return;
        await elapse(POLL_INTERVAL_MS);
      }
    }
  });
}

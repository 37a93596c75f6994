import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { Command } from '../../support/command.ts';

const TIMEOUT_MS = 10 * 60_000;
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const VIEWS = fileURLToPath(new URL('shop-views.json', import.meta.url));

/** The time of the last change of each file that `npm run generate` writes, and of its neighbours. */
async function trackedFiles(): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  for (const folder of ['proto', 'sql']) {
    for (const name of await readdir(join(ROOT, folder), { recursive: true })) {
      times[`${folder}/${name}`] = (await stat(join(ROOT, folder, name))).mtimeMs;
    }
  }
  return times;
}

describe('npm start with the views of a database that is not SMartApp', function () {
  this.timeout(TIMEOUT_MS);
  let postgres: Postgres;
  let folder: string;
  let env: Record<string, string>;
  let command: Command | undefined;

  before(async () => {
    postgres = await startPostgres();
    await postgres.createDatabase('shop');
    const owner = new pg.Client(postgres.url('shop'));
    await owner.connect();
    await owner.query(await readFile(new URL('shop.sql', import.meta.url), 'utf8'));
    await owner.end();
    env = { SOURCE_DATABASE_URL: postgres.url('shop', 'shop_reader', 'secret'), GRACE_SECONDS: '1' };
  });
  after(() => postgres.stop());

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smart-datahub-own-views-'));
  });
  afterEach(async () => {
    await command?.end();
    await rm(folder, { recursive: true, force: true });
  });

  const start = (...args: string[]): Command => {
    command = new Command('local/start.ts', [...args, '--data', folder], env);
    return command;
  };

  it('--once makes them equal, changes no tracked file, and --keep lets people look at both sides (I2)', async () => {
    const before = await trackedFiles();
    const run = start('--once', '--views', VIEWS, '--keep');
    await run.saysLine(/^Everything runs on, /);

    assert.match(run.output, /^Imported the view sources of .*shop-views\.json:$/m);
    assert.match(
      run.output,
      /^No simulated changes: SOURCE_DATABASE_URL names your own database, which is only read$/m,
    );
    assert.match(run.output, /^Source and target are equal/m);
    for (const [view, rows] of Object.entries({
      Orders: '1,000',
      customers: '300',
      readings: '1,000',
      users: '100',
    })) {
      assert.match(run.output, new RegExp(`^${view} .* ${rows} +${rows} .* equal$`, 'm'));
    }
    const { input = '', groups: { data = '' } = {} } =
      /^ {2}source +npm run datahub -- query --source 'select \* from "Orders" limit 5' --data (?<data>\S+)$/.exec(
        await run.saysLine(/^ {2}source /),
      ) ?? {};
    assert.ok(data.startsWith(folder), input);
    const called = new Command('local/call.ts', [
      'extract',
      '{"status":true,"view":"users"}',
      '--data',
      data,
    ]);
    assert.equal(await called.exitCode, 0, called.output);
    assert.doesNotMatch(run.output, /shop_reader:secret/, "the user's password is not printed");

    await run.interrupt();
    assert.equal(await run.exitCode, 0, run.output);
    assert.deepEqual(await readdir(folder), [], 'no data are left');
    assert.deepEqual(await trackedFiles(), before);
  });

  it('--once without them names --views', async () => {
    const run = start('--once');
    assert.equal(await run.exitCode, 1, run.output);
    assert.match(run.output, /SMartApp, the sample application, could not be imported\.$/m);
    assert.match(run.output, /start with --views my-views\.json/);
    assert.doesNotMatch(run.output, /\bat .*\.ts:\d+/, 'no stack trace');
  });

  it('continues with the views of its data folder, and refuses to feed it from another database', async () => {
    const first = start('--views', VIEWS);
    await first.saysLine(/^Orders batch \d+ \(initial\): \+1,000 /);
    await first.interrupt();
    assert.equal(await first.exitCode, 0, first.output);

    const second = start();
    await second.saysLine(/^Continuing with the views of the data folder: .*Orders/);
    await second.saysLine(/^Watch it and act: /);
    await second.interrupt();
    assert.equal(await second.exitCode, 0, second.output);

    const other = new Command('local/start.ts', ['--data', folder]);
    command = other;
    assert.equal(await other.exitCode, 1, other.output);
    assert.match(
      other.output,
      /was fed from the database "shop" of server \d+; without SOURCE_DATABASE_URL, this run would use/,
    );
    assert.match(other.output, /choose another folder with --data/);
  });
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BigQuery } from '@google-cloud/bigquery';
import { PassThroughClient } from 'google-auth-library';
import { LOCATION, openProject, PROJECT } from './bigquery-project.ts';
import { NUMBER, openWriter, outcome, rowMessage } from './bigquery-writer.ts';

const MESSAGE = rowMessage({ id: 'int64', name: 'string', ...NUMBER });
const PROGRAM = fileURLToPath(new URL('bigquery-process.ts', import.meta.url));
const TABLE = 'create table d.t (id int64 not null, name string, primary key (id) not enforced)';

describe('BigQuery emulator: the Storage Write API after a restart', () => {
  let dataFolder: string;
  const processes: ChildProcess[] = [];
  beforeEach(async () => {
    dataFolder = await mkdtemp(path.join(tmpdir(), 'bigquery-test-'));
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map(kill));
    await rm(dataFolder, { recursive: true });
  });

  it('knows rows, numbers, deleted keys, and that DML is refused', async () => {
    const first = await openProject({ dataFolder });
    await first.bigquery.createDataset('d', { location: LOCATION });
    await first.rows(TABLE);
    const before = await openWriter(first.standIn.writeHost, 't', MESSAGE);
    await before.upsert('A', { id: 1, name: 'a' });
    await before.upsert('A', { id: 2, name: 'a' });
    await before.delete('B', { id: 2 });
    before.close();
    await first.close();

    const second = await openProject({ dataFolder });
    const after = await openWriter(second.standIn.writeHost, 't', MESSAGE);
    try {
      await assert.rejects(second.rows('delete from d.t where true'), /UPSERT streams/);
      await after.upsert('9', { id: 1, name: 'older' });
      await after.upsert('A', { id: 2, name: 'older' });
      assert.deepEqual(await second.rows('select * from d.t'), [{ id: 1, name: 'a' }]);
      await after.upsert('C', { id: 2, name: 'newer' });
      assert.deepEqual(await second.rows('select name from d.t where id = 2'), [{ name: 'newer' }]);
    } finally {
      after.close();
      await second.close();
    }
  });

  it('has every acknowledged request, and each request whole, whenever it is killed', async () => {
    const rowsPerRequest = 200;
    let standIn = await start();
    await standIn.bigquery.createDataset('d', { location: LOCATION });
    await standIn.query(TABLE);
    let acknowledged = 0;
    for (const requestsBeforeDeath of [1, 4, 11]) {
      const first = acknowledged + 1;
      const writer = await openWriter(standIn.writeHost, 't', MESSAGE);
      // Request n upserts all keys, and deletes key 0 if n is odd.
      const requests = Array.from({ length: requestsBeforeDeath + 10 }, (_, index) => first + index);
      const answers = requests.map(async (n) => {
        const change = { name: `request ${n}`, _CHANGE_SEQUENCE_NUMBER: n.toString(16) };
        const rows = Array.from({ length: rowsPerRequest }, (_, id) => ({
          ...change,
          id,
          _CHANGE_TYPE: 'UPSERT',
        }));
        const zero = { ...change, id: 0, _CHANGE_TYPE: n % 2 === 1 ? 'DELETE' : 'UPSERT' };
        assert.equal(outcome(await writer.append(zero, ...rows.slice(1))), 'OK');
        acknowledged = Math.max(acknowledged, n);
        if (acknowledged === first + requestsBeforeDeath - 1) standIn.child.kill('SIGKILL');
      });
      await Promise.allSettled(answers);
      writer.close();
      await kill(standIn.child);

      standIn = await start();
      const groups = await standIn.query('select name, count(*) as n from d.t group by name');
      const last = Number(/^request (\d+)$/.exec(String(groups[0]?.name))?.[1]);
      assert.ok(last >= acknowledged, `request ${acknowledged} was acknowledged, ${last} is there`);
      const isDeleted = last % 2 === 1;
      assert.deepEqual(groups, [{ name: `request ${last}`, n: rowsPerRequest - Number(isDeleted) }]);
      acknowledged = last;

      const late = await openWriter(standIn.writeHost, 't', MESSAGE);
      await late.upsert((last - 1).toString(16), { id: 0, name: 'older' });
      late.close();
      assert.deepEqual(await standIn.query("select id from d.t where name = 'older'"), []);
    }
  });

  async function start() {
    const child = spawn(process.execPath, [PROGRAM, dataFolder], { stdio: ['ignore', 'pipe', 'inherit'] });
    processes.push(child);
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    const { url, writeHost }: { url: string; writeHost: string } = JSON.parse(line);
    const bigquery = new BigQuery({
      projectId: PROJECT,
      apiEndpoint: url,
      authClient: new PassThroughClient(),
      location: LOCATION,
    });
    const query = async (text: string) => (await bigquery.query({ query: text, location: LOCATION }))[0];
    return { child, writeHost, bigquery, query };
  }
});

/** Without effect if it has ended. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

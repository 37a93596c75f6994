import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { identityOf } from '../../emulators/process-identity.ts';

describe('the embedded PostgreSQL server', () => {
  let parent: string;
  let dataFolder: string;
  const started: Postgres[] = [];

  const start = async (options?: Parameters<typeof startPostgres>[0]): Promise<Postgres> => {
    const postgres = await startPostgres(options);
    started.push(postgres);
    return postgres;
  };

  beforeEach(async () => {
    // Closed to every other user, as `mktemp -d` makes them.
    parent = await mkdtemp(join(tmpdir(), 'postgres-test-'));
    dataFolder = join(parent, 'data');
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((postgres) => postgres.stop()));
    await rm(parent, { recursive: true });
  });

  it('listens on 127.0.0.1 only, in UTF-8, and sorts by code point', async () => {
    const postgres = await start();
    const { rows } = await query(
      postgres.url(),
      `select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets,
              current_setting('server_encoding') as encoding, 'Z' < 'a' as by_code_point`,
    );
    assert.deepEqual(rows, [{ addresses: '127.0.0.1', sockets: '', encoding: 'UTF8', by_code_point: true }]);
  });

  it('refuses a wrong password', async () => {
    const postgres = await start();
    await assert.rejects(query(postgres.url('postgres', 'postgres', 'wrong'), 'select 1'), { code: '28P01' });
  });

  it('creates a database of any name, and leaves one that exists as it is', async () => {
    const postgres = await start();
    const name = 'a "b" ค';
    await postgres.createDatabase(name);
    await query(postgres.url(name), 'create table kept (id int)');
    await postgres.createDatabase(name);
    await query(postgres.url(name), 'select from kept');
  });

  it('takes settings', async () => {
    const postgres = await start({ settings: { max_connections: '17' } });
    const { rows } = await query(postgres.url(), 'show max_connections');
    assert.deepEqual(rows, [{ max_connections: '17' }]);
  });

  it('keeps a named folder over stop and start, on another port', async () => {
    const first = await start({ dataFolder });
    await query(first.url(), 'create table kept as select 1 as id');
    await first.stop();
    const second = await start({ dataFolder });
    assert.deepEqual((await query(second.url(), 'select id from kept')).rows, [{ id: 1 }]);
  });

  it('removes a temporary folder when it stops', async () => {
    const usual = process.env.TMPDIR;
    await chmod(parent, 0o755);
    process.env.TMPDIR = parent;
    try {
      const postgres = await start();
      assert.equal((await readdir(parent)).length, 1);
      await postgres.stop();
      assert.deepEqual(await readdir(parent), []);
    } finally {
      if (usual === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = usual;
    }
  });

  it('recovers a folder whose server was killed, with every commit', async () => {
    const first = await start({ dataFolder });
    await query(first.url(), 'create table kept as select generate_series(1, 1000) as id');
    process.kill(first.pid, 'SIGKILL');
    await first.stop();
    const second = await start({ dataFolder });
    assert.deepEqual((await query(second.url(), 'select count(*)::int from kept')).rows, [{ count: 1000 }]);
  });

  it('takes over a folder whose starter was killed, stopping the server it left behind', async () => {
    const { starter, server } = await startElsewhere(dataFolder);
    starter.kill('SIGKILL');
    await once(starter, 'exit');
    const postgres = await start({ dataFolder });
    assert.notEqual(postgres.pid, server.pid);
    await assert.rejects(query(server.url, 'select 1'), { code: 'ECONNREFUSED' });
  });

  it('stops with the process that started it, when that one exits without stopping it', async () => {
    const { starter, server } = await startElsewhere(dataFolder);
    starter.stdin.end('exit');
    await once(starter, 'exit');
    while (await isAnswering(server.url)) await setImmediate();
  });

  it('starts although its old process id now belongs to another process', async () => {
    const first = await start({ dataFolder });
    process.kill(first.pid, 'SIGKILL');
    await first.stop();
    await writeFile(join(dataFolder, 'cluster', 'postmaster.pid'), `${process.pid}\n`);
    await start({ dataFolder });
  });

  it('starts although its old process is dead but was never collected', async () => {
    const first = await start({ dataFolder });
    process.kill(first.pid, 'SIGKILL');
    await first.stop();
    // The shell's child ends; what the shell becomes does not care.
    const careless = spawn('sh', ['-c', 'sh -c "exit 0" & echo $!; exec sleep 1000'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const [dead] = await once(createInterface(careless.stdout), 'line');
      while (identityOf(Number(dead)) !== undefined) await setImmediate();
      await writeFile(join(dataFolder, 'cluster', 'postmaster.pid'), `${dead}\n`);
      await start({ dataFolder });
    } finally {
      careless.kill('SIGKILL');
    }
  });

  it('finishes what a run that was killed while making the folder left undone', async () => {
    const first = await start({ dataFolder });
    await first.stop();
    await rm(join(dataFolder, 'cluster'), { recursive: true });
    await mkdir(join(dataFolder, 'unfinished'));
    await start({ dataFolder });
    assert.equal((await readdir(dataFolder)).includes('unfinished'), false);
  });

  it('starts in a folder that was just going to be marked as ours', async () => {
    await mkdir(dataFolder);
    await writeFile(join(dataFolder, 'smart-datahub.json.new'), '{"super');
    await start({ dataFolder });
    assert.equal((await readdir(dataFolder)).includes('smart-datahub.json.new'), false);
  });

  it('says who uses a folder that is in use', async () => {
    const first = await start({ dataFolder });
    await assert.rejects(startPostgres({ dataFolder }), {
      message: `${dataFolder} is in use by process ${process.pid} (PostgreSQL is process ${first.pid}): stop that one first`,
    });
    await query(first.url(), 'select 1');
  });

  it('says that a port is taken', async () => {
    const { port } = await start();
    await assert.rejects(startPostgres({ port }), {
      message: new RegExp(`^port ${port} cannot be listened on: .*EADDRINUSE`),
    });
  });

  it('leaves a folder alone that holds something else', async () => {
    await mkdir(dataFolder);
    await writeFile(join(dataFolder, 'thesis.txt'), 'precious');
    await assert.rejects(startPostgres({ dataFolder }), {
      message: /holds files that are not a database of this project/,
    });
    assert.deepEqual(await readdir(dataFolder), ['thesis.txt']);
  });

  it('says that a folder cannot be made', async () => {
    const file = join(parent, 'file');
    await writeFile(file, '');
    await assert.rejects(startPostgres({ dataFolder: join(file, 'data') }), {
      message: new RegExp(`^cannot keep a database in ${file}/data: ENOTDIR`),
    });
  });

  it('refuses a folder of another PostgreSQL version', async () => {
    const first = await start({ dataFolder });
    await first.stop();
    await writeFile(join(dataFolder, 'cluster', 'PG_VERSION'), '9\n');
    await assert.rejects(startPostgres({ dataFolder }), {
      message: /was written by PostgreSQL 9, installed is \d+/,
    });
  });

  it("repeats the server's own words when it cannot start", async () => {
    await assert.rejects(startPostgres({ settings: { shared_buffers: 'plenty' } }), {
      message: /does not start in .*\n.*invalid value for parameter "shared_buffers": "plenty"/,
    });
  });
});

async function query(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client(url);
  // The server may go down while this connection closes.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}

async function isAnswering(url: string): Promise<boolean> {
  return query(url, 'select 1').then(
    () => true,
    () => false,
  );
}

/** Starts a server from a Node process of its own, which exits when it reads a line. */
async function startElsewhere(dataFolder: string) {
  const here = dirname(fileURLToPath(import.meta.url));
  const script = `
    import { startPostgres } from ${JSON.stringify(pathToFileURL(join(here, '../../emulators/postgres.ts')).href)};
    const postgres = await startPostgres({ dataFolder: ${JSON.stringify(dataFolder)} });
    console.log(JSON.stringify({ pid: postgres.pid, url: postgres.url() }));
    process.stdin.once('data', () => process.exit());`;
  const starter = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(starter.stdout)) {
    return { starter, server: JSON.parse(line) as { pid: number; url: string } };
  }
  throw new Error('the starter ended early');
}

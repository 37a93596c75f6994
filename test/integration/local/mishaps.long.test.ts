import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isAlive } from '../../emulators/process-identity.ts';
import { Command } from '../../support/command.ts';
import { processTree } from '../../support/process-tree.ts';

const run = promisify(execFile);
const POLL_INTERVAL_MS = 50;

describe('npm start, when something goes wrong on the machine', () => {
  let folder: string;
  let command: Command | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smart-datahub-mishaps-'));
  });

  afterEach(async () => {
    await command?.end();
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  const start = (...args: string[]): Command => {
    command = new Command('local/start.ts', [...args, '--scale', '0.02', '--data', folder]);
    return command;
  };

  const untilReady = (started: Command) => started.saysLine(/Ctrl-C stops/);

  it('keeps ports and passwords from one start to the next, also where other programs had taken the documented ports', async () => {
    const addresses = async (): Promise<string[]> => {
      const started = start('--rate', '0');
      await untilReady(started);
      await started.interrupt();
      assert.equal(await started.exitCode, 0, started.output);
      return started.lines.filter((line) => /^(Watch it| {2}\w\S* )/.test(line) && /:\d+/.test(line));
    };
    const others = await Promise.all([5433, 8080, 8085, 9023].map(listenOn));
    const first = await addresses();
    for (const other of others) other?.close();

    assert.ok(first.length >= 9, first.join('\n'));
    assert.doesNotMatch(first.join('\n'), /:(5433|8080|8085|9023)\b/);
    assert.deepEqual(await addresses(), first);
  });

  it('stops although its data folder was removed, and leaves no process', async () => {
    const started = start();
    await untilReady(started);
    const parts = processTree(started.pid);
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    await started.interrupt();

    assert.equal(await started.exitCode, 0, started.output);
    while (parts.some(isAlive)) await delay(POLL_INTERVAL_MS);
  });

  it('ends with the words of PostgreSQL if that ends, and leaves no process', async () => {
    const started = start();
    await untilReady(started);
    const parts = processTree(started.pid);
    process.kill(await serverOf(parts), 'SIGQUIT');

    assert.equal(await started.exitCode, 1, started.output);
    assert.match(started.output, /^PostgreSQL has ended by itself in .*:$/m);
    while (parts.some(isAlive)) await delay(POLL_INTERVAL_MS);
  });

  it('stops when nobody reads its output any more, as behind head, and leaves no process', async () => {
    const script = fileURLToPath(new URL('../../local/start.ts', import.meta.url));
    const started = spawn(process.execPath, [script, '--scale', '0.02', '--data', folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(started, 'exit');
    for await (const line of createInterface({ input: started.stdout })) if (/^Watch it/.test(line)) break;
    const parts = processTree(started.pid ?? 0);
    assert.ok(parts.length > 5);
    started.stdout.destroy();
    const errors: string[] = [];
    createInterface({ input: started.stderr }).on('line', (line) => errors.push(line));

    assert.deepEqual(await exited, [0, null]);
    assert.deepEqual(errors, []);
    while (parts.some(isAlive)) await delay(POLL_INTERVAL_MS);
  });

  it('names the disk that is full', async () => {
    const disk = join(folder, 'disk');
    await mkdir(disk);
    const isMounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=30m', 'tmpfs', disk]).then(
      () => true,
      () => false,
    );
    if (!isMounted) {
      console.log('      Not tested: this account cannot mount a small disk');
      return;
    }
    try {
      command = new Command('local/start.ts', ['--once', '--data', disk]);
      assert.equal(await command.exitCode, 1, command.output);
      assert.match(command.output, /^cannot make a database in .*: .*No space left on device$/m);
      assert.doesNotMatch(command.output, /\bat .*\.ts:\d+/, 'no stack trace');
    } finally {
      await run('umount', [disk]);
    }
  });
});

/** Takes a port; undefined if another program has it already. */
async function listenOn(port: number) {
  const server = createServer().listen(port, '127.0.0.1');
  return await once(server, 'listening').then(
    () => server,
    () => undefined,
  );
}

/** The process of PostgreSQL that accepts connections. */
async function serverOf(parts: string[]): Promise<number> {
  for (const id of parts.map((identity) => Number.parseInt(identity, 10))) {
    const { stdout } = await run('ps', ['-o', 'args=', '-p', String(id)]).catch(() => ({ stdout: '' }));
    if (/\bpostgres -D /.test(stdout)) return id;
  }
  return assert.fail('no process is PostgreSQL');
}

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isAlive } from '../../emulators/process-identity.ts';
import { startChild } from '../../local/child.ts';
import { ADMIN, FUNCTIONS } from '../../local/functions.ts';
import type { Result } from '../../local/result.ts';
import { removeLeftovers } from '../../local/throwaway-folder.ts';
import { readEnabledViewSources } from '../../local/view-sources.ts';
import { Command } from '../../support/command.ts';
import { processTree } from '../../support/process-tree.ts';

const run = promisify(execFile);
const SMALL = ['--scale', '0.05'];

/** A whole run takes a minute or two on an idle machine. */
const RUN_TIMEOUT_MS = 15 * 60_000;

describe('npm start', function () {
  this.timeout(RUN_TIMEOUT_MS);
  let folder: string;
  const running = new Set<Command>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smart-datahub-local-'));
  });

  afterEach(async () => {
    // Stops what a failed test has left; the second interrupt stops it at once.
    await Promise.all([...running].map((command) => command.interrupt().then(() => command.interrupt())));
    running.clear();
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const start = (...args: string[]): Command => {
    const command = new Command('local/start.ts', [...args, '--data', folder]);
    running.add(command);
    return command;
  };

  const call = (...args: string[]): Command => new Command('local/call.ts', [...args, '--data', folder]);

  describe('--once', () => {
    it('makes every view equal in source and target and prints so in its last line, also rows without a log row (I1, I2)', async () => {
      const command = start('--once', ...SMALL, '--changes', '300', '--json');
      const shown = overviewOf(command, /^Watch it while it runs: (.*)$/);
      assert.equal(await command.exitCode, 0, command.output);

      assert.match(await shown, /local user · operator.*pmr_project/s);
      assert.match(command.output, /^Nothing stays: .* add --keep, or run npm start$/m);
      assert.equal(command.lines.filter((line) => line.startsWith('Rows of a batch: +added ')).length, 1);
      const result: Result = JSON.parse(command.lines.at(-1) ?? '');
      assert.equal(result.consistent, true);
      assert.ok(result.seconds > 0);
      assert.deepEqual(
        result.views.map(({ name, load_type }) => ({ name, load_type })),
        (await readEnabledViewSources()).map(({ name, loadType }) => ({ name, load_type: loadType })),
      );
      const found = result.views.reduce((sum, { differences }) => sum + differences, 0);
      assert.ok(found > 0, 'changes without a log row are found');
      for (const { source_rows, target_rows, added, deleted, batches, ...view } of result.views) {
        assert.equal(view.consistent, true);
        assert.equal(view.repaired, view.differences, `${view.name}: what was found is repaired`);
        const classed = Object.values(view.classes).reduce((sum, rows) => sum + rows, 0);
        assert.equal(classed, view.differences, `${view.name}: each row has a class`);
        assert.equal(target_rows, source_rows);
        // A stream cannot tell whether a key existed before.
        if (view.load_type === 'merge') {
          assert.equal(added - deleted, target_rows, `${view.name}: the batches' counts add up to the rows`);
        }
        assert.ok(view.changed > 0 && batches > 1, `${view.name} was changed after its initial load`);
      }
      assert.deepEqual(await readdir(folder), [], 'no data are left');
    });

    it('exits with code 1 and names view, key, column and both values of a corrupted row', async () => {
      const command = start('--once', ...SMALL, '--changes', '50', '--corrupt', 'pmr_inventory');
      assert.equal(await command.exitCode, 1, command.output);

      const finding =
        /^pmr_inventory: key \d+, column serial_number: source "(.*)", target "\1 \(corrupted\)"$/m;
      assert.match(command.output, finding);
      assert.match(command.output, /^pmr_inventory: in total: different values 1$/m);
      assert.match(command.output, /^pmr_inventory .* DIFFERENT$/m);
      assert.match(command.output, /^pmr_project .* equal$/m);
    });

    it('can be stopped at any time and leaves no data', async () => {
      const command = start('--once', ...SMALL);
      await command.saysLine(/rows of projects/);
      await command.interrupt();
      assert.equal(await command.exitCode, 130, command.output);
      assert.deepEqual(await readdir(folder), []);
    });

    it('removes what a killed run left, its PostgreSQL server too, and leaves running ones alone', async () => {
      const [killed, other] = [start('--once', ...SMALL), start('--once', ...SMALL)];
      await Promise.all([killed, other].map((command) => command.saysLine(/rows of lookups/)));
      const parts = processTree(killed.pid);
      process.kill(killed.pid, 'SIGKILL');
      await killed.exitCode;
      assert.equal((await readdir(folder)).length, 2);

      assert.equal(await removeLeftovers(folder), 1);
      while (parts.some(isAlive)) await setImmediate();
      assert.equal((await readdir(folder)).length, 1);
      await other.interrupt();
      assert.equal(await other.exitCode, 130, other.output);
      assert.deepEqual(await readdir(folder), []);
    });
  });

  describe('until Ctrl-C', () => {
    it('applies changes, answers manual calls, locks its data folder, and leaves no process running', async () => {
      const command = start(...SMALL);
      await command.saysLine(/^pmr_project batch \d+ \(initial\): \+\d+ /);
      await command.saysLine(/^pmr_\w+ batch \d+ \(incremental\): \+\d+ ~\d+ -\d+ in .* lag /);

      const addresses = command.lines.filter((line) => /http:\/\/127\.0\.0\.1:\d+/.test(line));
      assert.match(addresses[0] ?? '', /^Watch it and act: /, 'the first address');
      const overview = await overviewOf(command, /^Watch it and act: (.*)$/);
      assert.match(overview, /local user · operator.*pmr_project/s);
      const called = call('admin', '{}');
      assert.equal(await called.exitCode, 2);
      assert.match(called.output, /admin is called by a browser/);
      const answered = call('extract', '{"dryRun":true}');
      assert.equal(await answered.exitCode, 0, answered.output);
      assert.match(answered.output, /"view": "pmr_project"/);
      const checked = call('reconcile', '{"view":"pmr_project"}');
      assert.equal(await checked.exitCode, 0, checked.output);
      assert.match(checked.output, /"outcome": "(consistent|waiting)"/);
      const refused = call('extract', '{"view":"nothing"}');
      assert.equal(await refused.exitCode, 1);
      assert.match(refused.output, /no view source is named .*nothing/);
      const unknown = call('nothing');
      assert.equal(await unknown.exitCode, 2);
      assert.match(unknown.output, /no function nothing\. The functions are extract, merge/);
      const broken = call('extract', '{view}');
      assert.equal(await broken.exitCode, 2);
      assert.match(broken.output, /not JSON/);

      const second = start(...SMALL);
      assert.equal(await second.exitCode, 1);
      assert.match(second.output, /another npm start uses it \(process \d+\)/);

      const ports = portsIn(command.output);
      assert.ok(ports.length >= 6);
      await command.interrupt();
      assert.equal(await command.exitCode, 0, command.output);
      assert.deepEqual(
        await Promise.all(ports.map(isOpen)),
        ports.map(() => false),
      );
    });

    it('starts a function again that ended by itself, the page of the operators too, and says so', async () => {
      const command = start(...SMALL);
      await command.saysLine(/^Watch it and act: /);
      for (const { name, port } of [ADMIN, ...FUNCTIONS]) {
        process.kill(await processOf(port, processTree(command.pid)), 'SIGKILL');
        await command.saysLine(new RegExp(`^function ${name} ended \\(SIGKILL\\)$`));
        await command.saysLine(new RegExp(`^function ${name} runs again$`));
      }
      const overview = await overviewOf(command, /^Watch it and act: (.*)$/);
      assert.match(overview, /local user · operator.*pmr_project/s);
      command.lines.length = 0;
      await command.saysLine(/^pmr_\w+ batch \d+ \(incremental\): \+\d+ /);
      await command.interrupt();
      assert.equal(await command.exitCode, 0, command.output);
    });

    it('continues with the data of the last run', async () => {
      const command = start();
      await command.saysLine(/database exists from an earlier run/);
      await command.saysLine(/^pmr_\w+ batch \d+ \(incremental\)/);
      assert.doesNotMatch(command.output, /\(initial\)/);
      await command.interrupt();
      assert.equal(await command.exitCode, 0, command.output);
    });
  });

  it('explains what is wrong with its arguments', async () => {
    const wrong: [string[], RegExp][] = [
      [['--twice'], /Unknown option '--twice'/],
      [['--json'], /--json needs --once/],
      [['--once', '--rate', '1'], /--rate cannot be used with --once/],
      [['--once', '--scale', '0'], /--scale must be a number above 0/],
      [['--once', '--changes', 'many'], /--changes must be a whole number/],
      [['--once', '--corrupt', 'nothing'], /--corrupt takes one of pmr_inventory, .*, not nothing$/m],
      [['--once', '--corrupt', 'xyz_incident'], /BigQuery does not allow UPDATE on a streamed table/],
    ];
    for (const [args, message] of wrong) {
      const command = start(...args);
      assert.equal(await command.exitCode, 2);
      assert.match(command.output, message);
      assert.match(command.output, /Usage: npm start/);
    }
  });

  it('reports a call while npm start is not running', async () => {
    const command = call('extract');
    assert.equal(await command.exitCode, 1);
    assert.match(command.output, /No npm start runs on the data folder/);
  });

  it("shows a function's own error if it cannot start", async () => {
    const starting = startChild({
      name: 'function nothing',
      program: new URL('../../local/function-process.ts', import.meta.url),
      args: ['0'],
      env: { ...process.env, FUNCTION_TARGET: 'nothing' },
      onLine: () => undefined,
    });
    await assert.rejects(
      starting,
      /function nothing did not start \(exit code 1\).*FUNCTION_TARGET is "nothing"/s,
    );
  });
});

/** The overview of admin at the address in a line. */
async function overviewOf(command: Command, line: RegExp): Promise<string> {
  const [, url = ''] = line.exec(await command.saysLine(line)) ?? [];
  const response = await fetch(url);
  assert.equal(response.status, 200);
  return await response.text();
}

/** The process of the function that prefers this port. */
async function processOf(port: number, identities: string[]): Promise<number> {
  for (const id of identities.map((identity) => Number.parseInt(identity, 10))) {
    const { stdout } = await run('ps', ['-o', 'args=', '-p', String(id)]).catch(() => ({ stdout: '' }));
    if (stdout.trim().endsWith(`function-process.ts ${port}`)) return id;
  }
  return assert.fail(`no process prefers port ${port}`);
}

function portsIn(output: string): number[] {
  return [...output.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

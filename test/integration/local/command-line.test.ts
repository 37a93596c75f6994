import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Command } from '../../support/command.ts';

const { scripts } = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  scripts: Record<string, string>;
};
/** Scripts of the project that take options, by the name that npm knows. The commands of datahub have tests of their own (test/integration/cli). */
const WITH_OPTIONS = Object.entries(scripts).flatMap(([name, command]) => {
  const [, script] = /^node (?:test\/(?!tools\/)|(?=cli\/))(\S+)$/.exec(command) ?? [];
  return script === undefined ? [] : [{ name, script: script.replace(/^cli\//, '../cli/') }];
});

describe('the command line', () => {
  it('knows every npm script with options', () => {
    const names = WITH_OPTIONS.map(({ name }) => name).sort();
    assert.deepEqual(names, [
      'bench',
      'call',
      'careless',
      'datahub',
      'faults',
      'generate',
      'screenshots',
      'smartapp',
      'soak',
      'start',
    ]);
  });

  it('of npm run datahub explains itself: --help prints the usage, a wrong option what is wrong', async () => {
    const [help, wrong] = [
      new Command('../cli/index.ts', ['--help']),
      new Command('../cli/index.ts', ['--nonsense']),
    ];
    assert.equal(await help.exitCode, 0, help.output);
    assert.match(help.lines[0] ?? '', /^Usage: datahub <command>/);
    assert.match(help.output, /^ +-h, --help /m);

    assert.equal(await wrong.exitCode, 2, wrong.output);
    assert.doesNotMatch(wrong.output, /\bat .*\.ts:\d+/, 'no stack trace');
  });

  for (const { name, script } of WITH_OPTIONS.filter((each) => each.name !== 'datahub')) {
    it(`of npm run ${name} explains itself: --help prints the usage, a wrong option what is wrong`, async () => {
      const [help, wrong] = [new Command(script, ['--help']), new Command(script, ['--nonsense'])];
      assert.equal(await help.exitCode, 0, help.output);
      assert.match(help.lines[0] ?? '', new RegExp(`^Usage: npm (run )?${name}\\b`));
      assert.match(help.output, /^ +(--.* )?--help, -h /m);

      assert.equal(await wrong.exitCode, 2, wrong.output);
      assert.match(wrong.output, /^Unknown option '--nonsense'/);
      assert.match(wrong.output, /Usage: npm /);
      assert.doesNotMatch(wrong.output, /\bat .*\.ts:\d+/, 'no stack trace');
    });
  }

  it('ends without a stack trace when nobody reads its output any more', async () => {
    const script = fileURLToPath(new URL('../../local/call.ts', import.meta.url));
    const command = spawn(process.execPath, [script, 'extract'], { stdio: ['ignore', 'pipe', 'pipe'] });
    command.stdout.destroy();
    command.stderr.destroy();
    const [code, signal] = await once(command, 'exit');
    assert.deepEqual([code, signal], [1, null]);
  });

  for (const [script, args] of [
    ['local/start.ts', ['--data', '']],
    ['local/start.ts', ['--once', '--data', ' ']],
    ['local/call.ts', ['extract', '--data', '']],
  ] as const) {
    it(`refuses an empty data folder: ${script} ${args.join(' ')}`, async () => {
      const command = new Command(script, [...args]);
      assert.equal(await command.exitCode, 2, command.output);
      assert.match(command.output, /^--data must name a folder, not ""\n/);
    });
  }

  for (const args of [[], ['--once']]) {
    it(`of npm start ${args.join(' ')} names a data folder that cannot be made`, async () => {
      const command = new Command('local/start.ts', [...args, '--data', '/proc/foo']);
      assert.equal(await command.exitCode, 1, command.output);
      assert.match(command.output, /^The data folder \/proc\/foo\S* cannot be used: .*$/);
    });
  }

  it('shows control characters of a payload instead of obeying them', async () => {
    const command = new Command('local/call.ts', ['\u001b[2J\u009b1mextract', '{}', 'more']);
    assert.equal(await command.exitCode, 2, command.output);
    const refused = new Command('local/start.ts', ['--data', '/proc/\u001b[2J\u009b31m\u202e']);
    assert.equal(await refused.exitCode, 1);
    assert.match(refused.output, /\/proc\/\\u001b\[2J\\u009b31m\\u202e/);
  });
});

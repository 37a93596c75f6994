import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runDatahub } from './run-datahub.ts';

const ROOT = new URL('../../../', import.meta.url);
const NOWHERE = ['--data', '/nonexistent/data'];

describe('datahub', () => {
  it('explains itself on one screen, with every command that has a file', async () => {
    const { code, stdout } = await runDatahub(['--help']);
    const lines = stdout.trimEnd().split('\n');

    assert.equal(code, 0);
    assert.ok(lines.length >= 24 && lines.length <= 40, `${lines.length} lines`);
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    );
    const index = await readFile(new URL('cli/index.ts', ROOT), 'utf8');
    const commands = [...index.matchAll(/import\('\.\/commands\/(\w+)\.ts'\)/g)].map(([, name]) => name);
    assert.ok(commands.length >= 16);
    for (const name of commands) assert.match(stdout, new RegExp(`^  datahub ${name}\\b`, 'm'));
  });

  for (const command of ['status', 'redrive', 'views import']) {
    it(`explains ${command} with an example`, async () => {
      const { code, stdout } = await runDatahub([...command.split(' '), '--help']);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`Examples:\n  datahub ${command} `));
    });
  }

  for (const [args, message] of [
    [[], /^Name a command\./],
    [['nonsense'], /^Unknown command: nonsense/],
    [['statu'], /^Did you mean status\?/],
    [['status', '--nonsense'], /^Unknown argument: nonsense/],
    [['views'], /^Name a command: export/],
    [['pause'], /^Not enough non-option arguments/],
    [['resolve'], /^No npm start runs/],
    [['recheck', 'a', '--since'], /^Not enough arguments following: since\n/],
    [['history', '--limit', '0'], /^--limit must be a whole number from 1 to 1000/],
    [['history', '--state', 'lost'], /Invalid values:/],
    [['status', '--data', ' '], /^--data must name a folder/],
    [['status', '--data', 'x', '--project', 'p'], /mutually exclusive/],
    [['status', '--project', 'my-project'], /^--project needs --region/],
    [['status', '--region', 'asia-southeast1'], /^--region needs --project/],
    [
      ['status', '--project', "x'; rm -rf", '--region', 'asia-southeast1'],
      /^--project "x'; rm -rf" is no project/,
    ],
    [['run', '--wait', ...NOWHERE], /^--wait needs a view/],
    [['logs', '-n', 'many', ...NOWHERE], /^--limit must be a whole number from 0/],
    [['propose', '--project', 'my-project'], /^propose has no --project/],
    [['propose', '--json'], /^propose has no --json/],
  ] as const) {
    it(`refuses ${JSON.stringify(args)} without a stack trace`, async () => {
      const { code, stdout, stderr } = await runDatahub(args, {
        env: { DATAHUB_PROJECT: '', DATAHUB_REGION: '' },
      });
      assert.equal(code, args[0] === 'resolve' ? 1 : 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\bat .*\.ts:\d+/);
    });
  }

  it('says that no stack runs, and shows control characters of the folder instead of obeying them', async () => {
    const { code, stderr } = await runDatahub(['status', '--data', '/nonexistent/\u001b[2J\u202e']);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^No npm start runs on the data folder \/nonexistent\/\\u001b\[2J\\u202e\.\nStart one/,
    );
  });

  it('ends without a stack trace when nobody reads its output any more', async () => {
    const program = fileURLToPath(new URL('cli/index.ts', ROOT));
    const command = spawn(process.execPath, [program, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    command.stdout.destroy();
    let complaint = '';
    command.stderr.on('data', (chunk) => {
      complaint += chunk;
    });
    const [code, signal] = await once(command, 'close');
    assert.deepEqual([code, signal, complaint], [1, null, '']);
  });

  for (const [shell, words] of [
    ['bash', /complete .* _datahub_yargs_completions datahub/],
    ['zsh', /^#compdef datahub/],
  ] as const) {
    it(`prints the completion script for ${shell}`, async () => {
      const { code, stdout } = await runDatahub(['completion', shell]);
      assert.equal(code, 0);
      assert.match(stdout, words);
    });
  }
});

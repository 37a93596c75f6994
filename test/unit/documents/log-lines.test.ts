import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');
const LEVELS: Record<string, string> = { info: 'INFO', warn: 'WARNING', error: 'ERROR' };

/** Operators look up log lines in docs/operations.md. */
describe('the log lines in the operator’s guide', () => {
  it('are exactly those that the functions write, with their levels', async () => {
    const guide = await readFile(join(ROOT, 'docs/operations.md'), 'utf8');
    const explained = guide.matchAll(/^\| ((?:`[^`]+`(?:, )?)+) \| (INFO|WARNING|ERROR) \|/gm);
    const lines = [...explained].flatMap(([, names = '', level = '']) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, message = '']) => `${level} ${message}`),
    );

    assert.deepEqual(lines.toSorted(), [...(await writtenLines())].toSorted());
  });
});

async function writtenLines(): Promise<Set<string>> {
  const files = ['functions', 'shared'].flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: ROOT }));
  const found = new Set<string>();
  for (const file of files) {
    const text = await readFile(join(ROOT, file), 'utf8');
    for (const { 1: level = '', index, 0: begin } of text.matchAll(/\blog\.(info|warn|error)\(/g)) {
      for (const message of messagesOf(callAt(text, index + begin.length), text))
        found.add(`${LEVELS[level]} ${message}`);
    }
  }
  return found;
}

/** The arguments of a call. `start` is the position after its opening parenthesis. */
function callAt(text: string, start: number): string {
  let depth = 1;
  let end = start;
  for (; depth > 0; end += 1)
    depth += { '(': 1, ')': -1 }[text[end] ?? assert.fail('the call does not end')] ?? 0;
  return text.slice(start, end - 1);
}

/** The message in the last argument: a text, or every text that a constant can have. */
function messagesOf(call: string, text: string): string[] {
  const [, message, constant = ''] = /(?:'([^']+)'|\b(\w+)),?\s*$/.exec(call) ?? [];
  if (message !== undefined) return [message];
  const [, expression = ''] = new RegExp(`const ${constant} = (.*?);$`, 'ms').exec(text) ?? [];
  const chosen = [...expression.matchAll(/'([^']+)'/g)].map(([, each = '']) => each);
  assert.ok(chosen.length > 0, `the message of a log line was not found: ${call}`);
  return chosen;
}

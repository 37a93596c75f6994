/**
 * Records what the commands in the documents take, into test/documents/known-commands.txt, from the help of the programs that this
 * machine has: `node test/tools/record-commands.ts`, after a command was added to a document that the list does not have. Only
 * commands that are documented are recorded. The tests read the list, and so need none of the programs.
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { DOCUMENTS, readCode } from '../documents/documents.ts';
import { KNOWN_COMMANDS } from '../documents/known-commands.ts';
import { typeIn } from '../documents/type-in.ts';

/** What is said of a program, or a command of it; some say it on stderr, some with an exit code above 0. */
async function ask(program: string, ...words: string[]): Promise<string> {
  const env = { ...process.env, PAGER: 'cat', TERM: 'dumb', CHECKPOINT_DISABLE: '1', COLUMNS: '200' };
  const answer = await promisify(execFile)(program, words, { env }).catch(
    (error: NodeJS.ErrnoException & { stdout: string; stderr: string }) => {
      if (error.code === 'ENOENT') throw new Error(`recording needs ${program}`, { cause: error });
      return error;
    },
  );
  return `${answer.stdout}\n${answer.stderr}`;
}

/** A line of the list for the command of gcloud that the words begin with, by the synopsis of its help. */
async function recordGcloud(words: string[]): Promise<string> {
  const help = await ask('gcloud', ...words, '--help');
  const [, name = '', synopsis = ''] =
    /^NAME\n\s+(gcloud .*?) - .*?^SYNOPSIS\n(.*?)\[GCLOUD_WIDE_FLAG/ms.exec(withoutColours(help)) ?? [];
  if (name === '') throw new Error(`gcloud ${words.join(' ')}: no synopsis in ${help}`);
  // Of a flag that has a short form, both take the value: `--instance=INSTANCE, -i INSTANCE`.
  const text = synopsis.replaceAll(/\s+/g, ' ').replace(name, '');
  // Brackets are around what may be left out; in parentheses it follows a colon, or is one of several.
  let required = text.replaceAll('[no-]', '');
  for (let before = ''; before !== required; ) {
    before = required;
    required = required.replaceAll(/\[[^[\]]*\]/g, '');
  }
  required = required.replaceAll(/\([^()]*\|[^()]*\)/g, '').replaceAll(/ : [^()]*\)/g, ')');
  const flags = [
    ...text.matchAll(/(?<=[[(|,; ])(--?)(\[no-\])?([a-z][a-z0-9-]*|[A-Z])(=|(?= [A-Z]))?/g),
  ].flatMap(([, dashes, no, flag, value]) => {
    const word = `${dashes}${flag}${value === undefined ? '' : '='}`;
    const isRequired = dashes === '--' && new RegExp(`${dashes}${flag}\\b`).test(required);
    return [isRequired ? word : `[${word}]`, ...(no === undefined ? [] : [`[--no-${flag}]`])];
  });
  const names = required
    .replaceAll(/--[\w-]+=[^\s,]*|, -\w \S+/g, '')
    .matchAll(/(?<![\w=-])([A-Z][A-Z_0-9]+(?:\/[A-Z]+)*)/g);
  const optional = text.matchAll(/(?<= )\[([A-Z][A-Z_0-9]+)( \.\.\.)?\]/g);
  const positionals = [
    ...[...names].map(([, word]) => word ?? ''),
    ...[...optional].map(([, word, dots]) => `[${word}${dots === undefined ? '' : '...'}]`),
  ];
  return [name, ...positionals, ...new Set(flags)].join(' ');
}

async function recordWideFlags(): Promise<string> {
  const help = withoutColours(await ask('gcloud', 'config', 'set', '--help'));
  const [, wide = ''] = /These flags are available to all commands: (.*?)\./s.exec(help) ?? [];
  const flags = wide.split(/,\s+/).filter((flag) => flag !== '--help');
  return ['gcloud', ...flags.map((flag) => `[${flag}${flag === '--quiet' ? '' : '='}]`)].join(' ');
}

function withoutColours(text: string): string {
  return text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '');
}

/** A line for a command of another program: every flag that its help speaks of. */
function recordFlags(name: string, help: string): string {
  const flags = [...help.matchAll(/(?<![\w-])(--?)(\[no-?\])?([a-zA-Z][\w-]*)/g)].flatMap(
    ([, dashes, no, flag]) => [
      `[${dashes}${flag}]`,
      ...(no === undefined ? [] : [`[${dashes}${no.slice(1, -1)}${flag}]`]),
    ],
  );
  return [name, ...[...new Set(flags)].sort()].join(' ');
}

const RECORDERS: Record<string, (words: string[]) => Promise<string>> = {
  bq: async ([command = '']) => recordFlags(`bq ${command}`, await ask('bq', 'help', command)),
  curl: async () => recordFlags('curl', await ask('curl', '--help', 'all')),
  gcloud: recordGcloud,
  git: async ([command = '']) => recordFlags(`git ${command}`, await ask('git', command, '-h')),
  psql: async () => recordFlags('psql', await ask('psql', '--help')),
  terraform: async (words) => {
    const command = words.slice(0, words[0] === 'state' ? 2 : 1);
    // `destroy` and `apply` take what `plan` takes, and do not say so one by one.
    const also = { apply: ['plan'], destroy: ['apply', 'plan'] }[words[0] ?? ''] ?? [];
    const help = await Promise.all(
      [command, ...also.map((each) => [each])].map((each) => ask('terraform', ...each, '-help')),
    );
    return recordFlags(['terraform', ...command].join(' '), help.join('\n'));
  },
};

async function versionOf(program: string): Promise<string> {
  const [, version = ''] =
    /(\d+\.\d+(?:\.\d+)?)/.exec(await ask(program, program === 'bq' ? 'version' : '--version')) ?? [];
  return `${program} ${version}`;
}

const lines = new Set([await recordWideFlags()]);
const asked = new Set<string>();
for (const document of DOCUMENTS) {
  for (const { program, words } of await typeIn(document, await readCode(document))) {
    const record = RECORDERS[program];
    const end = words.findIndex((word) => word.startsWith('-') || /[^a-z-]/.test(word));
    const leading = words.slice(0, end === -1 ? undefined : end);
    const question = [program, ...leading].join(' ');
    if (record === undefined || asked.has(question)) continue;
    asked.add(question);
    lines.add(await record(leading));
  }
}
const versions = await Promise.all(Object.keys(RECORDERS).map(versionOf));
const head = `# What the documented commands take: recorded by test/tools/record-commands.ts from ${versions.join(', ')}.`;
await writeFile(KNOWN_COMMANDS, [head, ...[...lines].sort(), ''].join('\n'));
console.log(`${lines.size} commands in ${KNOWN_COMMANDS}`);

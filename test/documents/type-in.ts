import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import type { Code } from './code-in.ts';
import { ROOT } from './documents.ts';

/** A command as its program would have got it. */
export interface Command {
  /** Where it was read, such as `README.md:310`. */
  where: string;
  /** From the repository's root, such as `terraform`; empty for the root. */
  folder: string;
  program: string;
  words: string[];
  /** Whether it stood in a sentence, which names commands without all that they need. */
  isNamed: boolean;
}

/** Programs that the documents tell readers to run: nothing else is in the PATH, but for what is harmless. */
export const PROGRAMS = ['bq', 'curl', 'gcloud', 'git', 'npm', 'npx', 'psql', 'terraform'];
const HARMLESS = ['cat', 'cp', 'mkdir'];

/** Takes down what it is called with, and says something where its answer is wanted. */
const STAND_IN = `#!/bin/bash
{ printf '%s\\0' "$WHERE" "$PWD" "\${0##*/}" "$@"; printf '\\036\\0'; } >> "$TAKEN_DOWN"
echo answer
`;

/**
 * Types the shell commands of a document into bash, with programs in the PATH that only take down what they are called with: so
 * it is bash that reads quotes, loops, functions and variables. Each `##` section begins at the root of a copy of the files that
 * commands name, after the commands of the text above the first section. Throws, with bash's words, where one of them fails: a
 * variable that was not set before it, a file that is not there, a program that no reader was told to have.
 */
export async function typeIn(document: string, code: Code[]): Promise<Command[]> {
  const blocks = code.filter(({ language }) => language === 'sh');
  const functions = blocks.flatMap(({ text }) =>
    [...text.matchAll(/^(\w+)\(\) \{/gm)].map(([, name = '']) => name),
  );
  const names = [...PROGRAMS, ...functions];
  const typed = code.filter(
    (piece) => blocks.includes(piece) || (piece.language === null && isCommand(piece.text, names)),
  );
  const preamble = typed.filter(({ section }) => section === '');
  const found: Command[] = [];
  for (const section of new Set(typed.map((piece) => piece.section))) {
    const own = typed.filter((piece) => piece.section === section);
    const commands = await run(document, section === '' ? own : [...preamble, ...own]);
    const places = new Set(own.map(({ line }) => `${document}:${line}`));
    found.push(...commands.filter(({ where }) => places.has(where)));
  }
  return found;
}

/** Whether a span is a command that can be typed: it begins with one of the names, and nothing in it was left out. */
function isCommand(text: string, names: string[]): boolean {
  const [program = '', ...rest] = text.split(' ');
  return names.includes(program) && rest.length > 0 && !text.includes('…');
}

async function run(document: string, pieces: Code[]): Promise<Command[]> {
  const folder = await mkdtemp(join(tmpdir(), 'documented-'));
  try {
    const work = join(folder, 'work');
    const takenDown = join(folder, 'taken-down');
    await Promise.all([makePrograms(join(folder, 'bin')), copyFiles(work), writeFile(takenDown, '')]);
    const script = ['set -eu'];
    for (const [index, { line, text, language }] of pieces.entries()) {
      const file = join(folder, `${index} ${basename(document)}:${line}`); // bash's complaints tell its name
      await writeFile(file, `${text}\n`);
      script.push(
        `export WHERE='${document}:${line}${language === null ? ' named' : ''}'`,
        `source '${file}'`,
      );
    }
    const bash = spawn('/bin/bash', ['-c', script.join('\n')], {
      cwd: join(work, dirname(document)),
      env: { PATH: join(folder, 'bin'), HOME: folder, TAKEN_DOWN: takenDown },
    });
    let complaint = '';
    bash.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      complaint += chunk;
    });
    bash.stdout.resume();
    bash.stdin.on('error', () => undefined); // not every piece reads what is typed
    bash.stdin.end('typed\n'.repeat(100));
    const [status] = (await once(bash, 'close')) as [number | null];
    const commands = commandsOf(await readFile(takenDown, 'utf8'), work);
    if (status === 0 && complaint === '') return commands;
    const { where = document, program = '', words = [] } = commands.at(-1) ?? {};
    throw new Error(`${complaint}the last command was ${where}: ${[program, ...words].join(' ')}`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function makePrograms(folder: string): Promise<void> {
  await mkdir(folder);
  for (const name of PROGRAMS) await writeFile(join(folder, name), STAND_IN, { mode: 0o755 });
  for (const name of HARMLESS) await symlink(join('/bin', name), join(folder, name));
}

/** What commands read and change beside them, such as terraform.tfvars.example; not what Terraform leaves in its folder. */
async function copyFiles(folder: string): Promise<void> {
  const filter = (path: string) => !path.includes('/.terraform') && !path.endsWith('.tfvars');
  for (const part of ['sql', 'terraform'])
    await cp(join(ROOT, part), join(folder, part), { recursive: true, filter });
}

function commandsOf(log: string, work: string): Command[] {
  return log
    .split('\u001e\0')
    .filter((record) => record !== '')
    .map((record) => {
      const [place = '', folder = '', program = '', ...words] = record.split('\0').slice(0, -1);
      const [where = '', named] = place.split(' ');
      return { where, folder: relative(work, folder), program, words, isNamed: named !== undefined };
    });
}

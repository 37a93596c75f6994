import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Command } from '../../support/command.ts';

/** What a reader of a guide runs: lines of a shell, or a statement as the owner of the database. */
export type Block = { language: 'sh' | 'sql'; lines: string[] };

/** The fenced blocks of a Markdown text that a reader runs, in order. */
export const blocksOf = (markdown: string): Block[] =>
  [...markdown.matchAll(/^```(sh|sql)\n(.*?)^```$/gms)].map(([, language, text = '']) => ({
    language: language as Block['language'],
    lines: text.split('\n').filter((line) => line !== ''),
  }));

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** What a reader's own files and data would change in the project's folder. */
const NOT_LINKED = new Set(['.git', '.data']);
const run = promisify(execFile);

/** Types the commands of a guide in a folder that is a checkout of the project, but for what a reader adds to it. */
export class GuideReader {
  readonly folder: string;
  readonly #replace: (line: string) => string;
  readonly #env: Record<string, string> = {};
  #started: Command | undefined;

  /** `replace` writes the reader's own names into a line. */
  static async begin(replace: (line: string) => string): Promise<GuideReader> {
    const folder = await mkdtemp(join(tmpdir(), 'guide-'));
    for (const name of await readdir(ROOT)) {
      if (!NOT_LINKED.has(name)) await symlink(join(ROOT, name), join(folder, name));
    }
    return new GuideReader(folder, replace);
  }

  private constructor(folder: string, replace: (line: string) => string) {
    this.folder = folder;
    this.#replace = replace;
  }

  /** Runs the lines of a shell one by one, and returns what they print. Throws if one of them fails. */
  async type({ language, lines }: Block): Promise<string> {
    assert.equal(language, 'sh');
    const printed: string[] = [];
    for (const line of lines) {
      const [, name, value = ''] = /^export (\w+)=(\S+)$/.exec(line) ?? [];
      if (name === undefined) printed.push(await this.#run(line));
      else this.#env[name] = this.#replace(value);
    }
    return printed.join('\n');
  }

  /** Runs `npm start`, which goes on until `stop`, and waits until everything runs. */
  async start({ lines: [line = ''] }: Block): Promise<void> {
    const [, args = ''] = /^npm start -- (.*)$/.exec(line) ?? assert.fail(line);
    this.#started = new Command('local/start.ts', args.split(' '), this.#env, this.folder);
    await this.#started.saysLine(/^Everything is running:/);
  }

  /** Stops what was started, as Ctrl-C does, and removes the folder. */
  async end(): Promise<void> {
    await this.#started?.interrupt();
    await this.#started?.exitCode;
    await rm(this.folder, { recursive: true, force: true });
  }

  async #run(line: string): Promise<string> {
    const options = { cwd: this.folder, env: { ...process.env, ...this.#env } };
    try {
      const { stdout } = await run('bash', ['-c', this.#replace(line)], options);
      return stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${line}\n${stdout}${stderr}`, { cause: error });
    }
  }
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { killTree } from './process-tree.ts';

/** A command of the project that runs in a process of its own. */
export class Command {
  readonly lines: string[] = [];
  /** Null when it was killed. */
  readonly exitCode: Promise<number | null>;
  readonly #process;
  #onLine: () => void = () => undefined;

  constructor(script: string, args: string[], env: Record<string, string> = {}) {
    this.#process = spawn(
      process.execPath,
      [fileURLToPath(new URL(`../${script}`, import.meta.url)), ...args],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } },
    );
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        this.#onLine();
      });
    }
    this.exitCode = once(this.#process, 'close').then(([code]) => {
      this.#onLine();
      return code;
    });
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error('it did not start');
    return pid;
  }

  get output(): string {
    return this.lines.join('\n');
  }

  /** Resolves with such a line when it has said one; throws when it ends without. */
  async saysLine(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines.find((said) => pattern.test(said));
      if (line !== undefined) return line;
      if (this.#hasEnded()) throw new Error(`it ended without ${pattern}:\n${this.output}`);
      await new Promise<void>((resolve) => {
        this.#onLine = resolve;
      });
    }
  }

  /** As Ctrl-C does. */
  async interrupt(): Promise<void> {
    this.#process.kill('SIGINT');
  }

  /**
   * Kills it and everything that it started with SIGKILL, and resolves when all of them are dead. Safe to repeat; throws when
   * it had ended by itself.
   */
  async killAll(): Promise<void> {
    if (this.#process.exitCode !== null) throw new Error(`it had ended by itself:\n${this.output}`);
    await killTree(this.pid);
    await this.exitCode;
  }

  /** Of whatever state a test leaves it in: nothing of it runs afterwards. */
  async end(): Promise<void> {
    if (!this.#hasEnded()) await this.killAll();
  }

  #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}

/** Where a part of `npm start` is, by the name under which it says so, once it is ready. */
export async function addressOf(run: Command, part: string): Promise<string> {
  const line = await run.saysLine(new RegExp(`^ {2}${part} +(http|postgresql):`));
  return line.trim().split(/ +/)[1] ?? '';
}

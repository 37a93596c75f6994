import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { killTree } from './process-tree.ts';

/** A command of the project, running in its own process. */
export class Command {
  readonly lines: string[] = [];
  /** Null when the command was killed. */
  readonly exitCode: Promise<number | null>;
  readonly #process;
  #onLine: () => void = () => undefined;

  constructor(script: string, args: string[], env: Record<string, string> = {}, cwd?: string) {
    this.#process = spawn(
      process.execPath,
      [fileURLToPath(new URL(`../${script}`, import.meta.url)), ...args],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
        ...(cwd !== undefined && { cwd }),
      },
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
    if (pid === undefined) throw new Error('the command did not start');
    return pid;
  }

  get output(): string {
    return this.lines.join('\n');
  }

  /** Resolves with the first line that matches; throws when the command ends without one. */
  async saysLine(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines.find((printed) => pattern.test(printed));
      if (line !== undefined) return line;
      if (this.#hasEnded())
        throw new Error(`the command ended without a line like ${pattern}:\n${this.output}`);
      await new Promise<void>((resolve) => {
        this.#onLine = resolve;
      });
    }
  }

  /** Interrupts the command, as Ctrl-C does. */
  async interrupt(): Promise<void> {
    this.#process.kill('SIGINT');
  }

  /**
   * Kills the command and all its descendants with SIGKILL, and resolves when all of them are dead. Safe to repeat. Throws when the
   * command ended by itself.
   */
  async killAll(): Promise<void> {
    if (this.#process.exitCode !== null) throw new Error(`the command ended by itself:\n${this.output}`);
    await killTree(this.pid);
    await this.exitCode;
  }

  /** Ends the command if it still runs, in any state. */
  async end(): Promise<void> {
    if (!this.#hasEnded()) await this.killAll();
  }

  #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}

/** Waits until `npm start` prints the address of a part, and returns the address. */
export async function addressOf(run: Command, part: string): Promise<string> {
  const line = await run.saysLine(new RegExp(`^ {2}${part} +(http|postgresql):`));
  return line.trim().split(/ +/)[1] ?? '';
}

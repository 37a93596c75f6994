import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export interface ChildOptions {
  /** Name for error messages: `function extract`. */
  name: string;
  program: URL;
  args?: string[];
  env?: Record<string, string | undefined>;
  onLine: (line: string, from: 'stdout' | 'stderr') => void;
}

export interface Child<T> {
  /** What the program sent when it was ready. */
  announcement: T;
  pid: number | undefined;
  /** Rejects if the program ends before `stop` or `kill` is called. */
  failed: Promise<never>;
  /** Asks the program to stop, and kills it if that takes too long. Safe to repeat. */
  stop(): Promise<void>;
  /** Kills the program with SIGKILL. */
  kill(): Promise<void>;
}

const STOP_TIMEOUT_MS = 10_000;
const KEPT_LINES = 12;

/**
 * Starts a program that calls `serveParent`, and resolves when it is ready. The program ends with this process, however this
 * process ends. Throws an error with the program's last lines if it ends before it is ready.
 */
export async function startChild<T>({
  name,
  program,
  args = [],
  env,
  onLine,
}: ChildOptions): Promise<Child<T>> {
  const child = fork(fileURLToPath(program), args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
    ...(env && { env }),
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('close', () => process.off('exit', kill));

  const lastErrors: string[] = [];
  let isReady = false;
  readLines(child.stdout, (line) => onLine(line, 'stdout'));
  readLines(child.stderr, (line) => {
    lastErrors.push(line);
    lastErrors.splice(0, lastErrors.length - KEPT_LINES);
    // Before that, the error that `startChild` throws contains them.
    if (isReady) onLine(line, 'stderr');
  });

  let isStopping = false;
  const closed = once(child, 'close');
  const failed = closed.then((): Promise<never> => {
    if (isStopping) return new Promise(() => undefined);
    const how = child.signalCode ?? `exit code ${child.exitCode}`;
    throw new Error([`${name} ${isReady ? 'ended' : 'did not start'} (${how})`, ...lastErrors].join('\n  '));
  });
  // The caller may await it later; until then a rejection must not count as unhandled.
  failed.catch(() => undefined);

  const [announcement] = await Promise.race([once(child, 'message'), failed]);
  isReady = true;
  return {
    announcement,
    pid: child.pid,
    failed,
    stop: async () => {
      isStopping = true;
      const killTimer = setTimeout(kill, STOP_TIMEOUT_MS);
      if (child.connected) child.send('stop');
      await closed;
      clearTimeout(killTimer);
    },
    kill: async () => {
      isStopping = true;
      kill();
      await closed;
    },
  };
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', onLine);
}

import { once } from 'node:events';
import { setTimeout as elapse } from 'node:timers/promises';
import type { Child } from './child.ts';
import { formatDuration } from './log-line.ts';

/** What runs in a process of its own. */
interface Program {
  process: Pick<Child<unknown>, 'failed' | 'stop'>;
}

/** A program that is started again when it ends by itself. */
export interface KeptProgram<P> {
  first: P;
  /** Rejects when the program has ended too often. */
  failed: Promise<never>;
  /** Safe to repeat. */
  stop(): Promise<void>;
}

const FIRST_DELAY_MS = 250;
const MOST_ENDS = 5;
/** A program that has run this long works: its next end counts as the first one. */
const WORKS_MS = 30_000;

/**
 * Starts a program, and starts it again whenever it ends by itself, as Cloud Functions starts another instance, after a delay that doubles.
 * It gives up when the program ends for the fifth time in a row, each time soon after its start.
 *
 * @param start gets the first program when it starts the program again.
 * @throws Error of the first start.
 */
export async function keepRunning<P extends Program>({
  name,
  start,
  say,
}: {
  name: string;
  start: (first?: P) => Promise<P>;
  say: (line: string) => void;
}): Promise<KeptProgram<P>> {
  const first = await start();
  let { process } = first;
  const stopping = new AbortController();
  const { signal } = stopping;
  const stopped = once(signal, 'abort');

  /** Resolves when the program is to stop. Throws when it has ended too often. */
  const supervise = async (): Promise<void> => {
    let ends = 0;
    let beganMs = performance.now();
    let error = await failureOf(Promise.race([process.failed, stopped]));
    while (error !== undefined && !signal.aborted) {
      ends = performance.now() - beganMs > WORKS_MS ? 1 : ends + 1;
      if (ends === MOST_ENDS) {
        throw new Error(
          `${error.message}\n${name} has ended ${MOST_ENDS} times in a row, each time soon after its start. It is not started again.`,
        );
      }
      const delayMs = FIRST_DELAY_MS * 2 ** (ends - 1);
      say(`${error.message}\n  It is started again in ${formatDuration(delayMs)}.`);
      await Promise.race([elapse(delayMs, undefined, { ref: false }), stopped]);
      if (signal.aborted) return;
      beganMs = performance.now();
      error = await failureOf(
        start(first).then((again) => {
          process = again.process;
          say(`${name} runs again`);
          return Promise.race([process.failed, stopped]);
        }),
      );
    }
  };
  const supervised = supervise();
  const failed = supervised.then(() => new Promise<never>(() => undefined));
  // The caller may await it later; until then a rejection must not count as unhandled.
  failed.catch(() => undefined);
  return {
    first,
    failed,
    stop: async () => {
      stopping.abort();
      await supervised.catch(() => undefined);
      await process.stop();
    },
  };
}

/** The error of what was awaited; undefined if it succeeded. */
async function failureOf(work: Promise<unknown>): Promise<Error | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

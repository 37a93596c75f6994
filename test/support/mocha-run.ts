import { setTimeout as elapse } from 'node:timers/promises';

const GRACE_MS = 120_000;
const POLL_INTERVAL_MS = 50;
/** A worker of Mocha's goes on with the next file, and is killed in the end with whatever it holds. */
const IS_WORKER = process.env.MOCHA_WORKER_ID !== undefined;
/** Servers and child processes: those that a test must stop itself. */
const STOPPED_BY_TESTS = new Set(['ProcessWrap', 'TCPServerWrap']);

if (IS_WORKER) sendBigInts();

/** Workers tell Mocha how a test went in JSON, which has no bigint: with one in its error, the test would fail without a word. */
function sendBigInts(): void {
  const send = process.send?.bind(process) as (message: unknown, ...rest: unknown[]) => boolean;
  process.send = (message: unknown, ...rest: unknown[]) =>
    send(
      JSON.parse(JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))),
      ...rest,
    );
}

/** A run that ends before Mocha says how it went has failed: a worker may die between two files, and Mocha does not see it. */
export function mochaGlobalSetup(): void {
  process.exitCode = 1;
}

export const mochaHooks = {
  /** In a worker, after each file: fails it for a server or a process that it left running. */
  async afterAll(this: Mocha.Context): Promise<void> {
    if (!IS_WORKER) return;
    this.timeout(2 * GRACE_MS);
    const deadlineMs = Date.now() + GRACE_MS;
    while (leftRunning().length > 0 && Date.now() < deadlineMs) await elapse(POLL_INTERVAL_MS);
    const left = leftRunning();
    if (left.length > 0) throw new Error(`left running by a test of this file: ${left.join(', ')}`);
  },
};

const leftRunning = (): string[] =>
  process.getActiveResourcesInfo().filter((resource) => STOPPED_BY_TESTS.has(resource));

/** Without workers: ends a run that would never end, for a server, worker or connection that a test, or its failure, left behind. */
export function mochaGlobalTeardown(): void {
  const watchdog = setTimeout(() => {
    console.error(`left running by a test: ${process.getActiveResourcesInfo().join(', ')}`);
    // Mocha sets the exit code in a listener of its own, before this one.
    process.once('exit', () => {
      process.exitCode = 1;
    });
    process.exit();
  }, GRACE_MS);
  watchdog.unref();
}

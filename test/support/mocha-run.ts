import { setTimeout as elapse } from 'node:timers/promises';

const GRACE_MS = 120_000;
const POLL_INTERVAL_MS = 50;
/** A Mocha worker runs one file after another, and is killed at the end, with everything it still holds. */
const IS_WORKER = process.env.MOCHA_WORKER_ID !== undefined;
/** Servers and child processes, which a test must stop itself. */
const STOPPED_BY_TESTS = new Set(['ProcessWrap', 'TCPServerWrap']);

if (IS_WORKER) sendBigInts();

/** Workers report results to Mocha as JSON, which has no bigint. A bigint in an error would make the test fail without a message. */
function sendBigInts(): void {
  const send = process.send?.bind(process) as (message: unknown, ...rest: unknown[]) => boolean;
  process.send = (message: unknown, ...rest: unknown[]) =>
    send(
      JSON.parse(JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))),
      ...rest,
    );
}

/** Makes a run fail when it ends before Mocha reports a result: Mocha does not notice a worker that dies between two files. */
export function mochaGlobalSetup(): void {
  process.exitCode = 1;
}

export const mochaHooks = {
  /** In a worker, fails each file that leaves a server or a process running. */
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

/** Without workers, ends a run that would never end because a test has left a server, worker or connection behind. */
export function mochaGlobalTeardown(): void {
  const watchdog = setTimeout(() => {
    console.error(`left running by a test: ${process.getActiveResourcesInfo().join(', ')}`);
    // Mocha sets the exit code in an earlier listener.
    process.once('exit', () => {
      process.exitCode = 1;
    });
    process.exit();
  }, GRACE_MS);
  watchdog.unref();
}

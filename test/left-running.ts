const GRACE_MS = 30_000;

/** Ends a run that would never end, for a server, worker or connection that a test, or its failure, left behind. */
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

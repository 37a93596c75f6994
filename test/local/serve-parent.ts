/**
 * Runs a program that `startChild` started: sends the announcement to the parent when it is ready, and stops in order when the
 * parent asks for it. If the parent is gone, the program exits at once, as if it had been killed too, because the next run
 * may need its files and ports.
 *
 * Ctrl-C in a terminal reaches every process. This program ignores it, because the parent decides the order of stopping.
 */
export async function serveParent<T>(
  start: () => Promise<{ announcement: T; stop: () => Promise<void> }>,
): Promise<void> {
  process.on('SIGINT', () => undefined);
  process.once('disconnect', () => process.exit(1));
  const stopRequested = new Promise((resolve) => process.once('message', resolve));
  try {
    const { announcement, stop } = await start();
    process.send?.(announcement);
    await stopRequested;
    await stop();
    process.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.stack : error);
    process.exit(1);
  }
}

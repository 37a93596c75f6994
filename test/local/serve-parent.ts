/**
 * The life of a program that `startChild` started: tells the parent when it is ready, and ends in order when the parent says
 * so. When the parent is gone it ends at once, as if it had been killed too: nobody waits for it, and the next run may want
 * its files and ports.
 *
 * Ctrl-C in a terminal reaches every process; it is the parent who decides what ends when.
 */
export async function serveParent<T>(
  start: () => Promise<{ announcement: T; stop: () => Promise<void> }>,
): Promise<void> {
  process.on('SIGINT', () => undefined);
  process.once('disconnect', () => process.exit(1));
  const dismissed = new Promise((resolve) => process.once('message', resolve));
  try {
    const { announcement, stop } = await start();
    process.send?.(announcement);
    await dismissed;
    await stop();
    process.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.stack : error);
    process.exit(1);
  }
}

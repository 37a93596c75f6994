/**
 * The life of a program that `startChild` started: tells the parent when it is ready, and ends when the parent says so or is
 * gone.
 *
 * Ctrl-C in a terminal reaches every process; it is the parent who decides what ends when.
 */
export async function serveParent<T>(
  start: () => Promise<{ announcement: T; stop: () => Promise<void> }>,
): Promise<void> {
  process.on('SIGINT', () => undefined);
  const dismissed = new Promise((resolve) => process.once('message', resolve).once('disconnect', resolve));
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

/** A pipe that nobody reads, and a terminal whose window was closed. */
const CLOSED: readonly unknown[] = ['EPIPE', 'EIO'];

/**
 * Calls `end` when the program that reads the output has ended, as in `npm start | head`, or the terminal. Without this, Node would end the
 * process with a stack trace, and what it has started would stay.
 */
export function onClosedOutput(end: () => void): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!CLOSED.includes(error.code)) throw error;
      end();
    });
  }
}

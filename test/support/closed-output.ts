/**
 * Calls `end` when the program that reads the output has ended, as in `npm start | head`. Without this, Node would end the process with a
 * stack trace, and what it has started would stay.
 */
export function onClosedOutput(end: () => void): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      end();
    });
  }
}

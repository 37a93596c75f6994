import { serveParent } from '../../local/serve-parent.ts';

// Ends after as many milliseconds as the argument says; without an argument it runs until it is stopped.
await serveParent(async () => {
  const [, , afterMs] = process.argv;
  if (afterMs !== undefined) {
    setTimeout(() => {
      console.error('the last words of the program');
      process.exit(3);
    }, Number(afterMs));
  } else setInterval(() => undefined, 60_000);
  return { announcement: process.pid, stop: async () => undefined };
});

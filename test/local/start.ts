import { onClosedOutput } from '../support/closed-output.ts';
import { parseArguments, USAGE, UsageError } from './arguments.ts';
import { printable } from './printable.ts';

// `npm start` runs the whole pipeline on this machine. Packages are imported only when it runs, so that a missing package is
// reported like any other error.

const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // The second time, exit without waiting; everything that was started ends with this process.
    if (stopping.signal.aborted) process.exit(130);
    say('Stopping …');
    stopping.abort();
  });
}

onClosedOutput(() => stopping.abort());

// Otherwise Google's BigQuery client looks for credentials and warns that there are none.
process.env.METADATA_SERVER_DETECTION ??= 'none';

const exitCode = await main(process.argv.slice(2)).catch(explain);
// Exits after all output is written, without waiting for a client that is still trying to reach a service.
process.stdout.write('', () => process.exit(exitCode));

async function main(args: string[]): Promise<number> {
  const options = parseArguments(args);
  if (options === undefined) {
    say(USAGE);
    return 0;
  }
  if (options.once) {
    const { runOnce } = await import('./run-once.ts');
    const result = await runOnce(options, say, stopping.signal);
    if (options.json) say(JSON.stringify(result));
    return result.consistent ? 0 : 1;
  }
  const { runUntilStopped } = await import('./run-until-stopped.ts');
  await runUntilStopped(options, say, stopping.signal);
  return 0;
}

/** Prints what went wrong and returns the exit code. */
function explain(error: unknown): number {
  if (stopping.signal.aborted) return 130;
  if (error instanceof UsageError) {
    console.error(printable(`${error.message}\n\n${USAGE}`));
    return 2;
  }
  const message = error instanceof Error ? error.message : String(error);
  const isMissingPackage = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  console.error(
    printable(isMissingPackage ? `${message}\nA package is not installed. Run npm ci.` : message),
  );
  return 1;
}

function say(line: string): void {
  console.log(printable(line));
}

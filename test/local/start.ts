import { onClosedOutput } from '../support/closed-output.ts';
import { InputFileError, parseArguments, USAGE, UsageError } from './arguments.ts';
import type { Line } from './line.ts';
import { printable } from './printable.ts';

// `npm start` runs the whole pipeline on this machine. Packages are imported only when it runs, so that a missing package is
// reported like any other error.

let say = (line: Line): void => console.log(line);
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
  const { createTerminal } = await import('./terminal.ts');
  const output = createTerminal(process.stdout);
  say = output.say;
  if (options.once) {
    const [{ runOnce }, { exitCodeOf }] = await Promise.all([import('./run-once.ts'), import('./result.ts')]);
    const result = await runOnce(options, output, stopping.signal);
    if (options.json) say(JSON.stringify(result));
    return exitCodeOf(result);
  }
  const { runUntilStopped } = await import('./run-until-stopped.ts');
  await runUntilStopped(options, output, stopping.signal);
  return 0;
}

/** Prints what went wrong and returns the exit code. */
function explain(error: unknown): number {
  if (stopping.signal.aborted) return 130;
  if (error instanceof UsageError) {
    console.error(printable(`${error.message}\n\n${USAGE}`));
    return 2;
  }
  if (error instanceof InputFileError) {
    console.error(printable(error.message));
    return 2;
  }
  const message = error instanceof Error ? error.message : String(error);
  const isMissingPackage = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  console.error(
    printable(isMissingPackage ? `${message}\nA package is not installed. Run npm ci.` : message),
  );
  return 1;
}

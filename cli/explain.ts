import { CommandError, EXIT, RefusedByFunction } from './command-error.ts';
import { adviceLine } from './output/advice.ts';
import { note, printJson } from './output/print.ts';
import { oneLine, styled } from './output/text.ts';

/** Prints why a command failed, and returns the exit code. With `json`, a function's answer goes to standard output, as any answer does. */
export function explain(error: unknown, { json }: { json: boolean }): number {
  if (json && error instanceof RefusedByFunction) printJson(error.answer);
  const isExpected = error instanceof CommandError;
  const message = error instanceof Error ? error.message : String(error);
  note(styled('red', message.split('\n').map(oneLine).join('\n')));
  if (isExpected && error.advice !== null) note(adviceLine(error.advice));
  // A bug of ours: whoever reports it needs the place.
  if (!isExpected && error instanceof Error && error.stack !== undefined)
    note(oneLine(error.stack.split('\n')[1] ?? ''));
  return isExpected ? error.exitCode : EXIT.failed;
}

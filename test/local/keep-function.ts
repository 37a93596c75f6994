import { type FunctionEntry, type RunningFunction, startFunction } from './functions.ts';
import { type KeptProgram, keepRunning } from './keep-running.ts';
import type { Say } from './line.ts';
import { formatLogLine } from './log-line.ts';

/** A function of the stack, at one address however often its process is started again. */
export type KeptFunction<Entry extends FunctionEntry> = Omit<RunningFunction<Entry>, 'process'> &
  Pick<KeptProgram<unknown>, 'failed' | 'stop'>;

/** Starts a function, keeps it running, and prints its log lines for people. */
export async function keepFunction<Entry extends FunctionEntry>(
  entry: Entry,
  options: {
    env: Record<string, string | undefined>;
    isThrowaway: boolean;
    /** Preferred to the documented one. */
    port: number | undefined;
    verbose: boolean;
    inspect: boolean;
    say: Say;
    /** Gets every line, unformatted. */
    onLogLine?: (functionName: string, line: string) => void;
  },
): Promise<KeptFunction<Entry>> {
  const { env, isThrowaway, port = entry.port, verbose, inspect, say, onLogLine } = options;
  const { name } = entry;
  const onLine = (line: string, from: 'stdout' | 'stderr'): void => {
    onLogLine?.(name, line);
    const shown = verbose || from === 'stderr' ? `${name}: ${line}` : formatLogLine(name, line);
    if (shown !== undefined) say(shown);
  };
  const { first, failed, stop } = await keepRunning({
    name: `function ${name}`,
    start: async (before?: RunningFunction<Entry>) => {
      const address = before && { url: before.url };
      const started = await startFunction(
        { ...entry, port },
        { env, anyPort: isThrowaway, inspect, onLine, ...address },
      );
      if (inspect) say(describeInspector(name, started.inspectorUrl));
      return started;
    },
    say,
  });
  return { ...first, failed, stop };
}

function describeInspector(name: string, url: string | undefined): string {
  return url === undefined
    ? `${name}: no port is free for a debugger`
    : `${name}: a debugger can attach at ${url}`;
}

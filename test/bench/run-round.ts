import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { BuiltRounds } from './build-rounds.ts';

/** The flags of the deployed functions: a small young generation costs little and frees buffers early (docs/configuration.md, "Memory"). */
const NODE_FLAGS = ['--max-semi-space-size=2'];

/**
 * Runs a program of this folder, such as `stream-round`, in its own process, so that its memory is that of the function alone, and returns the result that the
 * program passed to `sendResult`. Throws when the program ends without one.
 */
export type RunRound = <Result>(
  program: string,
  args: string[],
  env: Record<string, string | undefined>,
) => Promise<Result>;

export const runRoundsOf =
  ({ folder, compileCache }: BuiltRounds): RunRound =>
  <Result>(program: string, args: string[], env: Record<string, string | undefined>) => {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const child = fork(join(folder, 'test/bench', `${program}.js`), args, {
      env: { ...env, NODE_COMPILE_CACHE: compileCache },
      execArgv: NODE_FLAGS,
    });
    let sent: { result: Result } | undefined;
    child.on('message', (result) => {
      sent = { result: result as Result };
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (sent !== undefined && code === 0) resolve(sent.result);
      else reject(new Error(`${program} ended with ${signal ?? `exit code ${code}`}`));
    });
    return promise;
  };

/** Sends the result of a program that `RunRound` started, and ends the program even if connections are open. */
export function sendResult<Result>(result: Result): void {
  process.send?.(result, () => process.exit(0));
}

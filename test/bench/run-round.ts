import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The flags of the deployed functions: a small young generation costs little and frees buffers early (docs/configuration.md, "Memory"). */
const NODE_FLAGS = ['--max-semi-space-size=4'];

/**
 * Runs a program of this folder in its own process, so that its memory is that of the function alone, and returns the result that the
 * program passed to `sendResult`. Throws when the program ends without one.
 */
export function runRound<Result>(
  program: string,
  args: string[],
  env: Record<string, string | undefined>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, { env, execArgv: NODE_FLAGS });
    let sent: { result: Result } | undefined;
    child.on('message', (result) => {
      sent = { result: result as Result };
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (sent !== undefined && code === 0) resolve(sent.result);
      else reject(new Error(`${program} ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

/** Sends the result of a program that `runRound` started, and ends the program even if connections are open. */
export function sendResult<Result>(result: Result): void {
  process.send?.(result, () => process.exit(0));
}

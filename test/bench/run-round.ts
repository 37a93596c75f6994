import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** As the functions are deployed: a smaller young generation costs little and keeps buffers from piling up (docs/configuration.md, "Memory"). */
const NODE_FLAGS = ['--max-semi-space-size=4'];

/**
 * Runs a program of this folder in a process of its own, whose memory is then the function's, and resolves with what it told
 * by `tellParent`. Throws when it ends otherwise.
 */
export function runRound<Result>(
  program: string,
  args: string[],
  env: Record<string, string | undefined>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, { env, execArgv: NODE_FLAGS });
    let told: { result: Result } | undefined;
    child.on('message', (result) => {
      told = { result: result as Result };
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (told !== undefined && code === 0) resolve(told.result);
      else reject(new Error(`${program} ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

/** Ends a program that `runRound` started, with its result; connections that are open do not hold it up. */
export function tellParent<Result>(result: Result): void {
  process.send?.(result, () => process.exit(0));
}

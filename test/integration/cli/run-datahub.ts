import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../cli/index.ts', import.meta.url));

/** The name that the machine knows the caller by. */
export const OPERATOR = 'olga';

/** What a command printed, and its exit code. */
export type Ran = { code: number | null; stdout: string; stderr: string };

/** Runs `datahub` in a process of its own, as a script does: without a terminal. */
export async function runDatahub(
  args: readonly string[],
  { env = {}, input = '' }: { env?: Record<string, string>; input?: string } = {},
): Promise<Ran> {
  const { NO_COLOR: _, FORCE_COLOR: _force, ...outer } = process.env;
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...outer, USER: OPERATOR, ...env },
  });
  child.stdin.end(input);
  const ended = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await ended;
  return { code: code as number | null, stdout, stderr };
}

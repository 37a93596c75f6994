import { spawn } from 'node:child_process';
import { lookAtProcess, type Used } from './look-at-process.ts';

/** What a program took, from its start to its end. Memory and CPU are those last seen. */
export type ProgramRun = Used & { output: string; seconds: number };

const LOOK_INTERVAL_MS = 20;

/** Runs a program, and looks at its memory and CPU meanwhile. Throws, with what it wrote, if it fails. */
export async function runProgram(
  file: string,
  args: readonly string[],
  env: Record<string, string | undefined> = process.env,
): Promise<ProgramRun> {
  const startedMs = performance.now();
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const written: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => written.push(chunk));
  let seen: Used = { cpuSeconds: null, peakRssMb: null };
  const looking = setInterval(() => {
    void lookAtProcess(child.pid).then((found) => {
      seen = found ?? seen;
    });
  }, LOOK_INTERVAL_MS);
  try {
    const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (exitCode, signal) => resolve(exitCode ?? signal));
    });
    const seconds = (performance.now() - startedMs) / 1000;
    const output = Buffer.concat(written).toString('utf8');
    if (code !== 0) throw new Error(`${file} ended with ${code}:\n${output}`);
    return { output, seconds, ...seen };
  } finally {
    clearInterval(looking);
  }
}

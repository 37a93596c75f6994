import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { executable, findProgram } from './find-program.ts';
import { freePort } from './free-port.ts';

const EMULATOR = join('platform', 'pubsub-emulator', 'bin', 'cloud-pubsub-emulator');

/** Finds the program of Google's Pub/Sub emulator, a component of the Cloud SDK. Undefined if the machine lacks it, or Java. */
export function findGooglePubSub(): string | undefined {
  const gcloud = findProgram('gcloud');
  if (gcloud === undefined || findProgram('java') === undefined) return undefined;
  // <Cloud SDK>/bin/gcloud
  return executable(join(realpathSync(gcloud), '..', '..', EMULATOR));
}

/** Starts the emulator on a free port; resolves when it accepts calls. */
export async function startGooglePubSub(
  program: string,
): Promise<{ host: string; stop: () => Promise<void> }> {
  const host = `127.0.0.1:${await freePort()}`;
  const [address, port] = host.split(':');
  const emulator = spawn(program, [`--host=${address}`, `--port=${port}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(emulator, 'exit');
  const lines: string[] = [];
  const ready = Promise.withResolvers<void>();
  for (const stream of [emulator.stdout, emulator.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (line.includes('Server started')) ready.resolve();
    });
  }
  const failed = exited.then((): never => {
    throw new Error(`Google's Pub/Sub emulator ended:\n${lines.join('\n')}`);
  });
  failed.catch(() => undefined);
  await Promise.race([ready.promise, failed]);
  return {
    host,
    stop: async () => {
      emulator.kill('SIGKILL');
      await exited;
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { findProgram } from './find-program.ts';
import { freePort } from './free-port.ts';

/** Finds https://github.com/fsouza/fake-gcs-server, an emulator of Cloud Storage by others. Undefined if the machine lacks it. */
export const findFakeGcsServer = (): string | undefined => findProgram('fake-gcs-server');

/** Starts it on a free port; resolves when it accepts calls. */
export async function startFakeGcsServer(
  program: string,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const server = spawn(
    program,
    `-scheme http -host 127.0.0.1 -port ${port} -public-host ${host} -backend memory`.split(' '),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const exited = once(server, 'exit');
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: server.stderr }).on('line', (line) => {
      if (line.includes('server started at')) resolve();
    });
  });
  await Promise.race([ready, exited.then(() => Promise.reject(new Error('fake-gcs-server ended')))]);
  return {
    url: `http://${host}`,
    stop: async () => {
      server.kill('SIGKILL');
      await exited;
    },
  };
}

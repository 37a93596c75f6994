import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../../emulators/postgres.ts';
import { onPreferredPort } from '../../local/preferred-port.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';

describe('a port that another program takes while PostgreSQL is being set up', () => {
  it('is left to that program, which never answers, and PostgreSQL gets another one', async () => {
    const dataFolder = await mkdtemp(join(tmpdir(), 'smart-datahub-taken-port-'));
    const wanted = await freePort();
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => sockets.add(socket));
    const starting = onPreferredPort(wanted, (port) =>
      startPostgres({ dataFolder, ...(port > 0 && { port }) }),
    );
    try {
      // From then on, the port has been found to be free.
      await until(async () => (await readdir(dataFolder)).includes('unfinished'));
      silent.listen(wanted, '127.0.0.1');
      await once(silent, 'listening');

      const postgres = await starting;
      assert.notEqual(postgres.port, wanted);
      await postgres.createDatabase('answers');
      await postgres.stop();
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
      await rm(dataFolder, { recursive: true, force: true });
    }
  });
});

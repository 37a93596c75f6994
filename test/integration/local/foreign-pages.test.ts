import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { startBigQuery } from '../../emulators/bigquery/start-big-query.ts';
import { startSecretManager } from '../../emulators/secret-manager/start-secret-manager.ts';
import { startStorage } from '../../emulators/storage/start-storage.ts';
import { FUNCTIONS, startFunction } from '../../local/functions.ts';

/** The servers of the local stack that a browser can speak to; what they answer to a program of this machine. */
const SERVERS: Record<string, { start: () => Promise<Started>; path: string; status: number }> = {
  'the emulator of Cloud Storage': {
    start: startStorage,
    path: '/storage/v1/b/nothing',
    status: 404,
  },
  'the emulator of BigQuery': {
    start: () => startBigQuery({ storageEndpoint: 'http://127.0.0.1:9' }),
    path: '/projects/p/datasets/nothing',
    status: 404,
  },
  'the emulator of Secret Manager': {
    start: async () => {
      const { host, close } = await startSecretManager();
      return { url: `http://${host}`, close };
    },
    path: '/v1/projects/p/secrets/nothing/versions/1:access',
    status: 404,
  },
  'a function': {
    start: async () => {
      const started = await startFunction(FUNCTIONS[0], {
        env: process.env,
        anyPort: true,
        onLine: () => undefined,
      });
      return { url: started.url, close: () => started.process.stop() };
    },
    path: '/robots.txt',
    status: 404,
  },
};

interface Started {
  url: string;
  close: () => Promise<void>;
}

describe('a web page elsewhere', () => {
  for (const [name, { start, path, status }] of Object.entries(SERVERS)) {
    it(`cannot reach ${name}`, async () => {
      const server = await start();
      try {
        const url = `${server.url}${path}`;
        const { host, port } = new URL(url);
        assert.equal((await get(url, {})).status, status);
        assert.equal(
          (await get(url, { host: `localhost:${port}`, origin: `http://localhost:${port}` })).status,
          status,
        );

        for (const headers of [
          { host: `page.example:${port}` },
          { origin: 'http://page.example' },
          { origin: `http://localhost:${port}` },
          { origin: 'null' },
          { host: `127.0.0.1.page.example:${port}`, origin: `http://127.0.0.1.page.example:${port}` },
          { host, 'sec-fetch-site': 'cross-site' },
        ]) {
          const refused = await get(url, headers);
          assert.equal(refused.status, 403, JSON.stringify(headers));
          assert.match(refused.message, /for programs of the same machine only/);
        }
      } finally {
        await server.close();
      }
    });
  }
});

/** `fetch` would set Host and Origin by itself. */
async function get(
  url: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; message: string }> {
  const call = request(url, { headers }).end();
  const [response] = await once(call, 'response');
  if (response.statusCode !== 403) {
    response.resume();
    return { status: response.statusCode, message: '' };
  }
  const { error } = (await json(response)) as { error: { message: string } };
  return { status: response.statusCode, message: error.message };
}

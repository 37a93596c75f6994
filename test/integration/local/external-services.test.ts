import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCloud, createResources } from '../../local/cloud.ts';
import { checkExternalServices } from '../../local/external-services.ts';

// This process has no credentials, and Google's client must not look for any.
process.env.METADATA_SERVER_DETECTION = 'none';

describe('external services', () => {
  it('are checked before anything starts, and every wrong variable is named', async () => {
    await assert.rejects(
      checkExternalServices({
        SOURCE_DATABASE_URL: 'mysql://127.0.0.1/x',
        PUBSUB_EMULATOR_HOST: '127.0.0.1:1',
        STORAGE_EMULATOR_HOST: 'http://127.0.0.1:9023/storage/v1',
        BIGQUERY_EMULATOR_HOST: 'http://127.0.0.1:9050',
        BIGQUERY_STORAGE_EMULATOR_HOST: 'http://127.0.0.1:9060',
      }),
      (error: Error) => {
        assert.deepEqual(error.message.split('\n'), [
          'SOURCE_DATABASE_URL must have the form postgresql://user:password@host:port/database, with @ / ? # % of the password written as %40 %2F %3F %23 %25',
          'PUBSUB_EMULATOR_HOST: nothing listens at 127.0.0.1:1',
          'STORAGE_EMULATOR_HOST must have the form http://host:port',
          'BIGQUERY_EMULATOR_HOST must have the form http://host:port/bigquery/v2',
          'BIGQUERY_STORAGE_EMULATOR_HOST must have the form host:port',
        ]);
        return true;
      },
    );
    await checkExternalServices({ PUBSUB_EMULATOR_HOST: '' });
  });

  for (const password of ['pa@se/cret', 'pa@se?cret', '1#se@cret', 'pa@se%cret']) {
    it(`shows no piece of the password ${password} as a host`, async () => {
      await assert.rejects(
        checkExternalServices({
          SOURCE_DATABASE_URL: `postgresql://reader:${password}@127.0.0.1:1/smartapp`,
        }),
        (error: Error) => /^SOURCE_DATABASE_URL must have the form .* %40 /.test(error.message),
      );
    });
  }

  it('are named when they answer with nothing but "Not Found"', async () => {
    const server = createServer((_request, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const endpoints = {
      ...{ storageUrl: url, bigqueryUrl: `${url}/bigquery/v2` },
      ...{ bigqueryStorageHost: '127.0.0.1:1', pubsubHost: '127.0.0.1:1' },
    };
    const cloud = createCloud(endpoints);
    try {
      await assert.rejects(createResources(cloud, endpoints), {
        message: /^(Cloud Storage|BigQuery) at http:\S+: Not Found$/,
      });
    } finally {
      await cloud.pubsub.close();
      server.closeAllConnections();
      server.close();
    }
  });
});

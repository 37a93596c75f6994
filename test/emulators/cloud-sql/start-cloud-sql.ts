import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import express from 'express';
import { Authority } from '../authority.ts';

export interface CloudSqlStandIn {
  /** What CLOUD_SQL_ADMIN_EMULATOR_HOST wants. */
  readonly host: string;
  readonly instance: string;
  /** Connections that came through with a certificate of ours. */
  connections(): number;
  /** From now on nobody may connect, as without the role Cloud SQL Client. */
  forbid(): void;
  close(): Promise<void>;
}

const PROJECT = 'smart-project';
const REGION = 'europe-west1';
const INSTANCE = 'main';
/** Where Google's connector expects the proxy of every instance. */
const PROXY_PORT = 3307;
const HOUR_MS = 3_600_000;

/**
 * Starts a stand-in of Cloud SQL for Google's connector: the two methods of its Admin API that a connection needs, and the
 * proxy in front of the instance, which takes TLS 1.3 with a client certificate that the API signed. `address` is a loopback
 * address of its own: the proxy's port is fixed. Throws EADDRINUSE.
 */
export async function startCloudSql(postgresPort: number, address: string): Promise<CloudSqlStandIn> {
  const authority = await Authority.create('Cloud SQL test authority');
  const identity = await authority.issue({ commonName: `${PROJECT}:${INSTANCE}` });
  const sockets = new Set<TLSSocket>();
  let connections = 0;
  let isForbidden = false;

  const proxy = createTlsServer(
    {
      cert: identity.certificate,
      key: identity.key,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
    },
    (client) => {
      connections += 1;
      sockets.add(client);
      const server = connect(postgresPort, '127.0.0.1');
      // Whichever side ends first ends the other.
      const through = Promise.allSettled([pipeline(client, server), pipeline(server, client)]);
      void through.then(() => sockets.delete(client));
    },
  );
  proxy.listen(PROXY_PORT, address);
  await once(proxy, 'listening');

  const app = express().disable('x-powered-by').use(express.json());
  app.use((_request, response, next) => {
    if (isForbidden) response.status(403).json({ error: { code: 403, message: 'boss::NOT_AUTHORIZED' } });
    else next();
  });
  app.get('/sql/v1beta4/projects/:project/instances/:instance/connectSettings', (request, response) => {
    const { project, instance } = request.params;
    if (project !== PROJECT || instance !== INSTANCE) {
      response.status(404).json({ error: { code: 404, message: 'The instance does not exist.' } });
      return;
    }
    response.json({
      kind: 'sql#connectSettings',
      region: REGION,
      databaseVersion: 'POSTGRES_18',
      backendType: 'SECOND_GEN',
      ipAddresses: [{ type: 'PRIMARY', ipAddress: address }],
      serverCaCert: {
        cert: authority.certificate,
        expirationTime: new Date(Date.now() + HOUR_MS).toISOString(),
      },
    });
  });
  app.post('/sql/v1beta4/projects/:project/instances/:instanceAndMethod', async (request, response) => {
    const publicKey = await importPublicKey(String(request.body.public_key));
    const cert = await authority.sign({ commonName: 'connector' }, publicKey);
    response.json({ ephemeralCert: { cert } });
  });
  const api = createServer(app).listen(0, '127.0.0.1');
  await once(api, 'listening');

  return {
    host: `127.0.0.1:${(api.address() as AddressInfo).port}`,
    instance: `${PROJECT}:${REGION}:${INSTANCE}`,
    connections: () => connections,
    forbid: () => {
      isForbidden = true;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      const closed = [once(api, 'close'), once(proxy, 'close')];
      api.close();
      api.closeAllConnections();
      proxy.close();
      await Promise.all(closed);
    },
  };
}

/** The connector's RSA key, from PEM. */
async function importPublicKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return await webcrypto.subtle.importKey('spki', der, algorithm, true, ['verify']);
}

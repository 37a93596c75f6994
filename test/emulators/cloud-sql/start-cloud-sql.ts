import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import express from 'express';
import { Authority } from '../authority.ts';
import { serveHttp } from '../serve-http.ts';

export interface CloudSqlStandIn {
  /** For CLOUD_SQL_ADMIN_EMULATOR_HOST: 127.0.0.1:PORT. */
  readonly host: string;
  readonly instance: string;
  /** The number of connections that had a certificate of the emulator. */
  connections(): number;
  /** From now on the API refuses every caller, as one without the role Cloud SQL Client. */
  forbid(): void;
  close(): Promise<void>;
}

const PROJECT = 'smart-project';
const REGION = 'europe-west1';
const INSTANCE = 'main';
/** The port of the proxy of every instance: https://cloud.google.com/sql/docs/postgres/sql-proxy */
const PROXY_PORT = 3307;
const HOUR_MS = 3_600_000;

/**
 * Starts the emulator of Cloud SQL for Google's connector: the two methods of the Admin API that a connection needs, and the proxy in
 * front of the instance. The proxy takes TLS 1.3 with a client certificate that the API signed. Its port is fixed, so each emulator needs
 * a loopback `address` of its own. @throws EADDRINUSE
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
      // The end of one side ends the other.
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
  // https://cloud.google.com/sql/docs/postgres/admin-api/rest/v1beta4/connect/get
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
  // https://cloud.google.com/sql/docs/postgres/admin-api/rest/v1beta4/connect/generateEphemeralCert
  app.post('/sql/v1beta4/projects/:project/instances/:instanceAndMethod', async (request, response) => {
    const publicKey = await importPublicKey(String(request.body.public_key));
    const cert = await authority.sign({ commonName: 'connector' }, publicKey);
    response.json({ ephemeralCert: { cert } });
  });
  const api = await serveHttp(app);

  return {
    host: new URL(api.url).host,
    instance: `${PROJECT}:${REGION}:${INSTANCE}`,
    connections: () => connections,
    forbid: () => {
      isForbidden = true;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      const closed = once(proxy, 'close');
      proxy.close();
      await Promise.all([api.close(), closed]);
    },
  };
}

/** The RSA key of the connector, from PEM. */
async function importPublicKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return await webcrypto.subtle.importKey('spki', der, algorithm, true, ['verify']);
}

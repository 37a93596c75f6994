import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type NextFunction, type Request, type Response } from 'express';
import { Faults } from '../faults.ts';
import { SecretError } from './secret-error.ts';
import { SecretStore } from './secret-store.ts';

export interface SecretManagerStandIn {
  /** What SECRET_MANAGER_EMULATOR_HOST wants. */
  readonly host: string;
  readonly secrets: SecretStore;
  /** The one call is named `secretmanager.versions.access`. */
  readonly faults: Faults;
  /** Breaks off what is under way. Safe to repeat. */
  close(): Promise<void>;
}

/**
 * Starts a stand-in for the one method of Secret Manager's REST API (v1) that the functions call, for Google's own client. It
 * checks no credentials: what may not be read is said by the store.
 */
export async function startSecretManager(): Promise<SecretManagerStandIn> {
  const secrets = new SecretStore();
  const faults = new Faults();
  const app = express().disable('x-powered-by');
  app.use(faults.middleware(() => 'secretmanager.versions.access'));
  app.get('/v1/projects/:project/secrets/:secret/versions/:method', (request, response) => {
    const { project, secret, method } = request.params;
    const [version = '', verb] = method.split(':');
    if (verb !== 'access') throw noMethod(request);
    response.json(secrets.access(project, secret, version));
  });
  app.use((request) => {
    throw noMethod(request);
  });
  app.use(answerError);
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    secrets,
    faults,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const noMethod = ({ method, path }: Request) =>
  new SecretError(404, 'NOT_FOUND', `no such method: ${method} ${path}`);

/** Four parameters make it Express's error handler. */
function answerError(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  const { status, reason, message } =
    error instanceof SecretError ? error : new SecretError(500, 'INTERNAL', String(error));
  response.status(status).json({ error: { code: status, message, status: reason } });
}

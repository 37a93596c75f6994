import express, { type NextFunction, type Request, type Response } from 'express';
import { Faults } from '../faults.ts';
import { serveHttp } from '../serve-http.ts';
import { SecretError } from './secret-error.ts';
import { SecretStore } from './secret-store.ts';

export interface SecretManagerStandIn {
  /** For SECRET_MANAGER_EMULATOR_HOST: 127.0.0.1:PORT. */
  readonly host: string;
  readonly secrets: SecretStore;
  /** The only call is `secretmanager.versions.access`. */
  readonly faults: Faults;
  /** Breaks off requests under way. Safe to repeat. */
  close(): Promise<void>;
}

/**
 * Starts the emulator of the only method of Secret Manager's REST API (v1) that the functions call, for Google's own client. It checks no
 * credentials; tests forbid a secret in the store.
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
  const server = await serveHttp(app);
  return { host: new URL(server.url).host, secrets, faults, close: () => server.close() };
}

const noMethod = ({ method, path }: Request) =>
  new SecretError(404, 'NOT_FOUND', `no such method: ${method} ${path}`);

/** Express takes a handler with four parameters for its error handler. */
function answerError(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  const { status, reason, message } =
    error instanceof SecretError ? error : new SecretError(500, 'INTERNAL', String(error));
  response.status(status).json({ error: { code: status, message, status: reason } });
}

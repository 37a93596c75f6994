import type { Request, Response } from '@google-cloud/functions-framework';
import { getRequestListener } from '@hono/node-server';
import { once } from '../../shared/once.ts';
import { processDependencies } from '../../shared/runtime/dependencies.ts';
import { createApp } from './app.ts';

const listener = once(async () => {
  const app = createApp(processDependencies);
  return getRequestListener(app.fetch, { overrideGlobalObjects: false });
});

/** The function `admin`: the web page of the operators. */
export async function admin(request: Request, response: Response): Promise<void> {
  await (await listener())(request, response);
}

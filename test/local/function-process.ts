import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import inspector from 'node:inspector';
import type { AddressInfo } from 'node:net';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { fromThisMachine } from '../emulators/from-this-machine.ts';
import { ADMIN } from './functions.ts';
import { onPreferredPort } from './preferred-port.ts';
import { serveParent } from './serve-parent.ts';

// Serves the function that FUNCTION_TARGET names, with the framework's own server. The first argument is the preferred port. If there is
// a second argument, a debugger may attach; that argument is its preferred port. (The framework's command listens on every network
// interface; this program listens on the loopback interface only.)
await serveParent(async () => {
  await import('../../functions/index.ts');
  const target = process.env.FUNCTION_TARGET ?? '';
  const server = await onPreferredPort(Number(process.argv[2]), async (port) => {
    const candidate = getTestServer(target);
    // The page of the operators judges for itself where a request comes from, as it does in the cloud.
    if (target !== ADMIN.name) {
      const handlers = candidate.listeners('request') as RequestListener[];
      candidate.removeAllListeners('request');
      for (const handler of handlers) candidate.on('request', fromThisMachine(handler));
    }
    candidate.listen(port, '127.0.0.1');
    await once(candidate, 'listening');
    return candidate;
  });
  const { port } = server.address() as AddressInfo;
  return {
    announcement: { url: `http://127.0.0.1:${port}`, inspectorUrl: openInspector(process.argv[3]) },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
});

function openInspector(preferredPort: string | undefined): string | undefined {
  if (preferredPort === undefined) return undefined;
  for (const port of [Number(preferredPort), 0]) {
    inspector.open(port, '127.0.0.1');
    // Undefined if another process uses the port.
    const url = inspector.url();
    if (url !== undefined) return url;
  }
  return undefined;
}

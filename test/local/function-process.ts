import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { onPreferredPort } from './preferred-port.ts';
import { serveParent } from './serve-parent.ts';

// Serves the function that FUNCTION_TARGET names, by the framework's own server, on the port that the argument prefers.
// (The framework's command listens on every network interface; this one is for this machine only.)
await serveParent(async () => {
  await import('../../functions/index.ts');
  const target = process.env.FUNCTION_TARGET ?? '';
  const server = await onPreferredPort(Number(process.argv[2]), async (port) => {
    const candidate = getTestServer(target).listen(port, '127.0.0.1');
    await once(candidate, 'listening');
    return candidate;
  });
  const { port } = server.address() as AddressInfo;
  return {
    announcement: { url: `http://127.0.0.1:${port}` },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
});

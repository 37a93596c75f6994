import { once } from 'node:events';
import inspector from 'node:inspector';
import type { AddressInfo } from 'node:net';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { onPreferredPort } from './preferred-port.ts';
import { serveParent } from './serve-parent.ts';

// Serves the function that FUNCTION_TARGET names, by the framework's own server, on the port that the first argument prefers. With a second
// argument a debugger may attach, on the port that it prefers. (The framework's command listens on every network interface; this one
// listens on this machine only.)
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
    // Undefined when another process has the port.
    const url = inspector.url();
    if (url !== undefined) return url;
  }
  return undefined;
}

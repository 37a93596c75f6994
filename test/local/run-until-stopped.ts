import { once } from 'node:events';
import { Workload } from '../smartapp/workload.ts';
import type { Arguments } from './arguments.ts';
import { claimDataFolder } from './data-folder.ts';
import { type Stack, startStack } from './stack.ts';

const TICK_MS = 3000;
const CHANGES_PER_SECOND = 5;

/** Runs everything, with people at work in SMartApp, until `signal` aborts or a part ends by itself, which is thrown. */
export async function runUntilStopped(
  options: Arguments,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await claimDataFolder(options.dataFolder);
  cleanup.defer(() => folder.release());
  const stack = await startStack(
    { ...options, dataFolder: folder.path, isThrowaway: false, tickMs: TICK_MS, say, signal },
    cleanup,
  );
  await folder.publish(stack.functions);
  for (const line of describeStack(stack, folder.path)) say(line);

  if (stack.applicationUrl !== undefined) {
    const workload = new Workload({
      connectionString: stack.applicationUrl,
      // The same changes again would mostly be none.
      seed: options.seed ?? Date.now() % 1_000_000,
    });
    workload.start({ changesPerSecond: CHANGES_PER_SECOND });
    cleanup.defer(async () => {
      await workload.stop().catch((error: unknown) => say(`SMartApp's workload had failed: ${error}`));
    });
  }
  await Promise.race([signal.aborted || once(signal, 'abort'), stack.failed]);
}

function describeStack({ functions, endpoints, applicationUrl, controlUrl }: Stack, path: string): string[] {
  const addresses = {
    ...functions,
    BigQuery: endpoints.bigqueryUrl,
    Storage: endpoints.storageUrl,
    'Pub/Sub': endpoints.pubsubHost,
    ...(applicationUrl && { SMartApp: applicationUrl }),
    control: controlUrl,
    data: path,
  };
  return [
    '',
    ...Object.entries(addresses).map(([name, address]) => `  ${name.padEnd(10)}${address}`),
    '',
    `By hand: npm run call -- extract '{"dryRun":true}'. Ctrl-C stops.`,
    '',
  ];
}

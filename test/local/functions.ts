import { setTimeout as elapse } from 'node:timers/promises';
import { type Child, startChild } from './child.ts';

/** The web page of the operators, which nothing triggers but a browser. */
export const ADMIN = { name: 'admin', port: 8080, inspectorPort: 9233 } as const;

/** The functions that a topic triggers, with the topic of each and the documented ports of the function and of its debugger. */
export const FUNCTIONS = [
  { name: 'extract', topic: 'cdc-extract', port: 8081, inspectorPort: 9229 },
  { name: 'merge', topic: 'cdc-merge', port: 8082, inspectorPort: 9230 },
  { name: 'reconcile', topic: 'cdc-reconcile', port: 8084, inspectorPort: 9232 },
  { name: 'stream', topic: 'cdc-stream', port: 8083, inspectorPort: 9231 },
] as const;

export type FunctionName = (typeof FUNCTIONS)[number]['name'];

/** What a function's process sends when it is ready. */
export interface Announcement {
  url: string;
  inspectorUrl?: string | undefined;
}

/** A function as it was entered above, in its process. */
export type RunningFunction<Entry extends FunctionEntry = (typeof FUNCTIONS)[number]> = Entry & {
  url: string;
  /** Where a debugger can attach; undefined without `--inspect`. */
  inspectorUrl: string | undefined;
  process: Child<Announcement>;
};

export type FunctionEntry = { readonly name: string; readonly port: number; readonly inspectorPort: number };

/** Starts a function in its own process. Throws an error with the process's last lines if it ends before it is ready. */
export async function startFunction<Entry extends FunctionEntry>(
  entry: Entry,
  options: {
    env: Record<string, string | undefined>;
    anyPort: boolean;
    inspect?: boolean;
    /** The address that an earlier process of the function had, and that the new one must have, too. */
    url?: string;
    onLine: (line: string, from: 'stdout' | 'stderr') => void;
  },
): Promise<RunningFunction<Entry>> {
  const { name, inspectorPort } = entry;
  const port = options.url ? new URL(options.url).port : options.anyPort ? 0 : entry.port;
  const child = await startChild<Announcement>({
    name: `function ${name}`,
    program: new URL('function-process.ts', import.meta.url),
    args: [port, ...(options.inspect ? [inspectorPort] : [])].map(String),
    // The same option as in the cloud: a small young generation keeps buffers from piling up (docs/configuration.md, "Memory").
    env: { NODE_OPTIONS: '--max-semi-space-size=2', ...options.env, FUNCTION_TARGET: name },
    onLine: options.onLine,
  });
  const { url, inspectorUrl } = child.announcement;
  if (options.url && url !== options.url) {
    await child.stop();
    throw new Error(`function ${name} did not start: another program has taken its address ${options.url}`);
  }
  return { ...entry, url, inspectorUrl, process: child };
}

/** The answer of a function that failed. */
export interface FailureAnswer {
  error: { kind: string; message: string; advice: string };
}

/** While a function that has ended is started again, calls wait for it, as they wait for a new instance in the cloud. */
const RESTART_WAIT_MS = 20_000;
const RETRY_INTERVAL_MS = 100;

/**
 * Calls a function as `gcloud functions call` does and returns its answer.
 * Throws if the function cannot be reached or if its answer is not JSON.
 */
export async function callFunction(url: string, payload: unknown): Promise<object | FailureAnswer> {
  return await withRestarts(() => post(url, payload), wasNeverReached);
}

/** Like `callFunction`, for a call without effect: it is repeated if the function ends before it has answered. */
export async function askFunction(url: string, payload: unknown): Promise<object | FailureAnswer> {
  return await withRestarts(
    () => post(url, payload),
    (error) => error instanceof TypeError,
  );
}

async function post(url: string, payload: unknown): Promise<object | FailureAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(payload),
  });
  return (await response.json()) as object | FailureAnswer;
}

async function withRestarts<T>(call: () => Promise<T>, mayRepeat: (error: unknown) => boolean): Promise<T> {
  const deadlineMs = performance.now() + RESTART_WAIT_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!mayRepeat(error) || performance.now() > deadlineMs) throw error;
      await elapse(RETRY_INTERVAL_MS);
    }
  }
}

/** `fetch` throws a TypeError for every failure of the network. */
function wasNeverReached(error: unknown): boolean {
  const cause = error instanceof TypeError ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
}

export function isFailure(answer: object): answer is FailureAnswer {
  return 'error' in answer;
}

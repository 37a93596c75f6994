import { type Child, startChild } from './child.ts';

/** The functions that run locally: the topic that each subscribes to, and the port where people look for it. */
export const FUNCTIONS = [
  { name: 'extract', topic: 'cdc-extract', port: 8081 },
  { name: 'merge', topic: 'cdc-merge', port: 8082 },
  { name: 'stream', topic: 'cdc-stream', port: 8083 },
] as const;

export type FunctionName = (typeof FUNCTIONS)[number]['name'];

export interface RunningFunction {
  name: FunctionName;
  topic: string;
  url: string;
  process: Child<{ url: string }>;
}

/** Starts a function in a process of its own. Throws an error with what the process said when it ends at once. */
export async function startFunction(
  { name, topic, port }: (typeof FUNCTIONS)[number],
  options: {
    env: Record<string, string | undefined>;
    anyPort: boolean;
    onLine: (line: string, from: 'stdout' | 'stderr') => void;
  },
): Promise<RunningFunction> {
  const child = await startChild<{ url: string }>({
    name: `function ${name}`,
    program: new URL('function-process.ts', import.meta.url),
    args: [String(options.anyPort ? 0 : port)],
    // As the functions are deployed: a small young generation keeps buffers from piling up (docs/configuration.md, "Memory").
    env: { NODE_OPTIONS: '--max-semi-space-size=4', ...options.env, FUNCTION_TARGET: name },
    onLine: options.onLine,
  });
  return { name, topic, url: child.announcement.url, process: child };
}

/** What a function answers when it fails. */
export interface FailureAnswer {
  error: { kind: string; message: string; advice: string };
}

/**
 * Posts an event to a function as `gcloud functions call` does and returns the answer.
 * Throws when the function cannot be reached or its answer is no JSON.
 */
export async function callFunction(url: string, payload: unknown): Promise<object | FailureAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(payload),
  });
  return (await response.json()) as object | FailureAnswer;
}

export function isFailure(answer: object): answer is FailureAnswer {
  return 'error' in answer;
}

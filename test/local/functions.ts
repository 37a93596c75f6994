import { type Child, startChild } from './child.ts';

/** The functions that run locally: the topic that each subscribes to, and the ports where people look for it and for its debugger. */
export const FUNCTIONS = [
  { name: 'extract', topic: 'cdc-extract', port: 8081, inspectorPort: 9229 },
  { name: 'merge', topic: 'cdc-merge', port: 8082, inspectorPort: 9230 },
  { name: 'stream', topic: 'cdc-stream', port: 8083, inspectorPort: 9231 },
] as const;

export type FunctionName = (typeof FUNCTIONS)[number]['name'];

/** What the process of a function says when it is ready. */
export interface Announcement {
  url: string;
  inspectorUrl?: string | undefined;
}

export interface RunningFunction {
  name: FunctionName;
  topic: string;
  url: string;
  /** Where a debugger attaches; undefined when none may. */
  inspectorUrl: string | undefined;
  process: Child<Announcement>;
}

/** Starts a function in a process of its own. Throws an error with what the process said when it ends at once. */
export async function startFunction(
  { name, topic, port, inspectorPort }: (typeof FUNCTIONS)[number],
  options: {
    env: Record<string, string | undefined>;
    anyPort: boolean;
    inspect?: boolean;
    onLine: (line: string, from: 'stdout' | 'stderr') => void;
  },
): Promise<RunningFunction> {
  const child = await startChild<Announcement>({
    name: `function ${name}`,
    program: new URL('function-process.ts', import.meta.url),
    args: [options.anyPort ? 0 : port, ...(options.inspect ? [inspectorPort] : [])].map(String),
    // As the functions are deployed: a small young generation keeps buffers from piling up (README, "Memory").
    env: { NODE_OPTIONS: '--max-semi-space-size=4', ...options.env, FUNCTION_TARGET: name },
    onLine: options.onLine,
  });
  const { url, inspectorUrl } = child.announcement;
  return { name, topic, url, inspectorUrl, process: child };
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

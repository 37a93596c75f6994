import { type HttpFunction, http } from '@google-cloud/functions-framework';

// Registers only the function that FUNCTION_TARGET names, so that a process loads no other function's imports.
const FUNCTIONS: Record<string, () => Promise<HttpFunction>> = {
  extract: async () => (await import('./extract/extract.ts')).extract,
  merge: async () => (await import('./merge/merge.ts')).merge,
  stream: async () => (await import('./stream/stream.ts')).stream,
};

const target = process.env.FUNCTION_TARGET ?? '';
const load = FUNCTIONS[target];
if (load === undefined) {
  throw new Error(
    `FUNCTION_TARGET is ${JSON.stringify(target)}; it must be one of ${Object.keys(FUNCTIONS).join(', ')}`,
  );
}
http(target, await load());

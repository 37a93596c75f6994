import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { type HttpFunction, http } from '@google-cloud/functions-framework';
import { readRawBodies } from '../shared/runtime/read-raw-bodies.ts';
import { COMPILE_CACHE } from './compile-cache.ts';

// Registers only the function that FUNCTION_TARGET names, so that a process loads no other function's imports.
const FUNCTIONS = new Map<string, () => Promise<HttpFunction>>([
  ['admin', async () => (await import('./admin/admin.ts')).admin],
  ['extract', async () => (await import('./extract/extract.ts')).extract],
  ['merge', async () => (await import('./merge/merge.ts')).merge],
  ['reconcile', async () => (await import('./reconcile/reconcile.ts')).reconcile],
  ['stream', async () => (await import('./stream/stream.ts')).stream],
]);

const target = process.env.FUNCTION_TARGET ?? '';
const load = FUNCTIONS.get(target);
if (load === undefined) {
  throw new Error(
    `FUNCTION_TARGET is ${JSON.stringify(target)}; it must be one of ${[...FUNCTIONS.keys()].join(', ')}`,
  );
}
// Before the function is loaded.
if (existsSync(COMPILE_CACHE)) enableCompileCache(COMPILE_CACHE);
readRawBodies();
http(target, await load());

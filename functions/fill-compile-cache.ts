// `npm run gcp-build` runs this last: it loads what the functions load, and keeps the code that V8 compiled for it, so that their first
// request need not compile it. Node ignores code that another version compiled, or of a file that has changed. Safe to repeat.
import { enableCompileCache, flushCompileCache } from 'node:module';
import { COMPILE_CACHE } from './compile-cache.ts';

const { message } = enableCompileCache(COMPILE_CACHE);
if (message !== undefined) throw new Error(`no compile cache in ${COMPILE_CACHE}: ${message}`);
await Promise.all([
  import('./admin/admin.ts'),
  import('./extract/extract.ts'),
  import('./merge/merge.ts'),
  import('./reconcile/reconcile.ts'),
  import('./stream/stream.ts'),
  // Loaded at their first use.
  import('../shared/operations/run-operation.ts'),
  import('@google-cloud/bigquery'),
  import('@google-cloud/bigquery-storage'),
  import('@google-cloud/cloud-sql-connector'),
  import('@google-cloud/functions-framework'),
  import('@google-cloud/storage'),
  import('@grpc/grpc-js'),
  // Its requests for tokens load another package at their first use. This one is answered without a network.
  import('google-auth-library').then(({ PassThroughClient }) =>
    new PassThroughClient().request({ url: 'data:,' }),
  ),
]);
flushCompileCache();

import type { OAuth2Client } from 'google-auth-library';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { createMiddleware } from 'hono/factory';
import { secureHeaders } from 'hono/secure-headers';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { Refusal } from './access/refusal.ts';
import { signIn } from './access/sign-in.ts';
import { answerError } from './answer-error.ts';
import { assets } from './assets.ts';
import { actions } from './pages/action.ts';
import { audit } from './pages/audit.ts';
import { consistency } from './pages/consistency.ts';
import { notFoundPage } from './pages/error-pages.ts';
import { failures } from './pages/failures.ts';
import { overview } from './pages/overview.ts';
import { report } from './pages/report.ts';
import { row } from './pages/row.ts';
import { source } from './pages/source.ts';
import { sources } from './pages/sources.ts';
import { sourcesImport } from './pages/sources-import.ts';
import { transaction } from './pages/transaction.ts';
import { transactions } from './pages/transactions.ts';
import { view } from './pages/view.ts';
import type { AdminEnv } from './request.ts';
import { withDependencies } from './with-dependencies.ts';

/** A view source with all its fields is far smaller. */
const MAX_FORM_BYTES = 1_000_000;

/**
 * The pages, by path. `open` gives the dependencies of the process, and throws while they cannot be reached. `iapClient` reads the public keys
 * of Identity-Aware Proxy.
 */
export function createApp(open: () => Promise<Dependencies>, iapClient?: OAuth2Client): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.use(HEADERS, neverCached, compress());
  app.onError(answerError);
  app.notFound((c) => c.html(notFoundPage(), 404));
  // Without signing in and without dependencies, since the page of a refusal and of a failure needs them, too.
  app.route('/assets', assets());
  app.use(withDependencies(open), allowMethods, FORM_LIMIT, signIn(open, iapClient));
  app.route('/', overview());
  app.route('/', failures());
  app.route('/', transactions());
  app.route('/', transaction());
  app.route('/', actions());
  app.route('/', audit());
  app.route('/', consistency());
  app.route('/', report());
  app.route('/', row());
  app.route('/', sources());
  app.route('/', sourcesImport());
  app.route('/', source());
  app.route('/', view());
  return app;
}

/** Everything that a page needs comes from this host; nothing may frame it. */
const HEADERS = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  referrerPolicy: 'same-origin',
  crossOriginResourcePolicy: 'same-origin',
});

/** A page shows a state, and may show rows: neither the browser nor anything before it keeps a copy. Assets say otherwise. */
const neverCached = createMiddleware<AdminEnv>(async (c, next) => {
  await next();
  if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store');
});

const METHODS = ['GET', 'HEAD', 'POST'];

const allowMethods = createMiddleware<AdminEnv>(async (c, next) => {
  const { method } = c.req;
  if (!METHODS.includes(method)) {
    c.header('allow', METHODS.join(', '));
    throw new Refusal(405, `Nothing here takes a ${method} request.`, `method ${method}`);
  }
  await next();
});

const FORM_LIMIT = bodyLimit({
  maxSize: MAX_FORM_BYTES,
  onError: () => {
    throw new Refusal(
      413,
      `A form may have at most ${MAX_FORM_BYTES / 1_000_000} MB. Go back and send less.`,
      'body too large',
    );
  },
});

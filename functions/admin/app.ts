import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { secureHeaders } from 'hono/secure-headers';
import { asDataHubError, type DataHubError } from '../../shared/errors.ts';
import { createLog, logOfRequest } from '../../shared/log.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { traceOf } from '../../shared/trace.ts';
import { Refusal } from './access/refusal.ts';
import { signIn } from './access/sign-in.ts';
import { assets } from './assets.ts';
import { actions } from './pages/action.ts';
import { audit } from './pages/audit.ts';
import { consistency } from './pages/consistency.ts';
import { failurePage, notFoundPage, refusalPage } from './pages/error-pages.ts';
import { failures } from './pages/failures.ts';
import { overview } from './pages/overview.ts';
import { transaction } from './pages/transaction.ts';
import { transactions } from './pages/transactions.ts';
import { report } from './pages/report.ts';
import { row } from './pages/row.ts';
import { view } from './pages/view.ts';
import type { AdminContext, AdminEnv } from './request.ts';

/** A view source with all its fields is far smaller. */
const MAX_FORM_BYTES = 1_000_000;

/** The pages, by path. `open` gives the dependencies of the process, and throws while they cannot be reached. */
export function createApp(open: () => Promise<Dependencies>): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.use(HEADERS, compress());
  app.onError(answerError);
  app.notFound((c) => c.html(notFoundPage(), 404));
  // Without signing in, since the page of a refusal needs them, too.
  app.route('/assets', assets());
  app.use(bodyLimit({ maxSize: MAX_FORM_BYTES }), signIn(open));
  app.route('/', overview());
  app.route('/', failures());
  app.route('/', transactions());
  app.route('/', transaction());
  app.route('/', actions());
  app.route('/', audit());
  app.route('/', consistency());
  app.route('/', report());
  app.route('/', row());
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

/** An error becomes a page that says what to do. What `admin` cannot mend itself is logged. */
async function answerError(thrown: unknown, c: AdminContext): Promise<Response> {
  const log = c.get('dependencies')?.log ?? logOfRequest(createLog('info'), 'admin', '', traceOf(null, {}));
  if (thrown instanceof Refusal) {
    log.warn({ path: c.req.path, status: thrown.status, reason: thrown.reason }, 'admin access refused');
    return await c.html(refusalPage(thrown), thrown.status);
  }
  const error = asDataHubError(thrown);
  const status = STATUS[error.kind] ?? 500;
  if (status >= 500)
    log.error({ path: c.req.path, kind: error.kind, error: error.message }, 'admin page failed');
  return await c.html(failurePage(error), status);
}

/** The answers of errors that are not a fault of the program. */
const STATUS: Partial<Record<DataHubError['kind'], 400 | 409 | 503>> = {
  invalid_event: 400,
  superseded: 409,
  transient: 503,
  unauthorized: 503,
};

import { getCookie, setCookie } from 'hono/cookie';
import { createMiddleware } from 'hono/factory';
import { logOfRequest } from '../../../shared/log.ts';
import { once } from '../../../shared/once.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import { traceOf, traceparentOf } from '../../../shared/trace.ts';
import type { AdminEnv } from '../request.ts';
import { assertCsrf, CSRF_FIELD, csrfCookie, csrfToken, isCsrfSecret, newCsrfSecret } from './csrf.ts';
import { assertOperator, createIdentify } from './user.ts';

/**
 * Lets a request in: tells who sends it and what they may do, and refuses a change that a viewer asks for or that comes from no page of ours.
 * Throws `Refusal`.
 */
export function signIn(open: () => Promise<Dependencies>) {
  const identify = once(async () => createIdentify((await open()).config.admin));
  return createMiddleware<AdminEnv>(async (c, next) => {
    const dependencies = await open();
    const { config, events, log } = dependencies;
    const trace = traceOf(null, c.req.header());
    c.set('dependencies', {
      ...dependencies,
      log: logOfRequest(log, 'admin', config.projectId, trace),
      events: events.withTrace(traceparentOf(trace)),
    });
    const user = await (await identify())(c.req.raw.headers);
    c.set('user', user);
    // Through the proxy of gcloud, the browser speaks HTTP with its own machine.
    const isHttps = config.admin.signIn.by === 'iap';
    const cookie = csrfCookie(isHttps);
    const known = getCookie(c, cookie);
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') {
      assertOperator(user);
      assertCsrf(known, user.name, (await c.req.parseBody())[CSRF_FIELD]);
    }
    const secret = isCsrfSecret(known) ? known : newCsrfSecret();
    if (secret !== known) {
      setCookie(c, cookie, secret, { httpOnly: true, sameSite: 'Strict', path: '/', secure: isHttps });
    }
    c.set('csrfToken', csrfToken(secret, user.name));
    await next();
  });
}

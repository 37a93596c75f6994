import type { OAuth2Client } from 'google-auth-library';
import { getCookie, setCookie } from 'hono/cookie';
import { createMiddleware } from 'hono/factory';
import { once } from '../../../shared/once.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import type { AdminContext, AdminEnv } from '../request.ts';
import { assertOwnPage, assertShown } from './assert-own-page.ts';
import { assertCsrf, CSRF_FIELD, csrfCookie, csrfToken, isCsrfSecret, newCsrfSecret } from './csrf.ts';
import { assertOperator, createIdentify } from './user.ts';

/**
 * Lets a request in: tells who sends it and what they may do, and refuses a change that a viewer asks for or that comes from no page of ours, and
 * what a page of another place loads. Throws `Refusal`. `client` reads the public keys of Identity-Aware Proxy.
 */
export function signIn(open: () => Promise<Dependencies>, client?: OAuth2Client) {
  const identify = once(async () => createIdentify((await open()).config.admin, client));
  return createMiddleware<AdminEnv>(async (c, next) => {
    const { by } = c.get('dependencies').config.admin.signIn;
    const user = await (await identify())(c.req.raw.headers);
    c.set('user', user);
    // Through the proxy of gcloud, the browser speaks HTTP with its own machine.
    const isHttps = by === 'iap';
    const cookie = csrfCookie(isHttps);
    const known = getCookie(c, cookie);
    if (c.req.method === 'GET' || c.req.method === 'HEAD') {
      assertShown(c.req.raw.headers);
    } else {
      assertOperator(user);
      assertOwnPage(c.req.raw.headers, by);
      assertCsrf(known, user.name, await csrfFieldOf(c));
    }
    const secret = isCsrfSecret(known) ? known : newCsrfSecret();
    if (secret !== known) {
      setCookie(c, cookie, secret, { httpOnly: true, sameSite: 'Strict', path: '/', secure: isHttps });
    }
    c.set('csrfToken', csrfToken(secret, user.name));
    await next();
  });
}

/** A body that is no form has no field. */
async function csrfFieldOf(c: AdminContext): Promise<unknown> {
  return await c.req.parseBody().then(
    (fields) => fields[CSRF_FIELD],
    () => undefined,
  );
}

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Refusal } from './refusal.ts';

// A form carries a token that only a page of ours can contain: the HMAC of the user's name under a secret in a cookie that scripts and other
// sites cannot read. It needs no `Origin`: behind `gcloud run services proxy`, Origin is localhost and Host is not.

/** The name of the cookie. A browser takes `__Host-` only over HTTPS, and from this host itself. */
export const csrfCookie = (isHttps: boolean): string => (isHttps ? '__Host-datahub' : 'datahub');

/** The name of the form's field. */
export const CSRF_FIELD = 'csrf';

export const newCsrfSecret = (): string => randomBytes(32).toString('base64url');

export const isCsrfSecret = (cookie: string | undefined): cookie is string =>
  cookie !== undefined && /^[\w-]{43}$/.test(cookie);

export const csrfToken = (secret: string, user: string): string =>
  createHmac('sha256', secret).update(user).digest('base64url');

/** Refuses a form that no page of ours has shown to this user in this browser. */
export function assertCsrf(secret: string | undefined, user: string, given: unknown): void {
  const isRight =
    isCsrfSecret(secret) && typeof given === 'string' && isEqual(given, csrfToken(secret, user));
  if (isRight) return;
  throw new Refusal(
    403,
    'This form is out of date. Go back, reload the page and send it again.',
    'CSRF token',
  );
}

function isEqual(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

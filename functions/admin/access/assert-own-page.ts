import type { AdminConfig } from '../../../shared/config/admin-config.ts';
import { isLoopbackOrigin } from './assert-loopback.ts';
import { Refusal } from './refusal.ts';

type SignIn = AdminConfig['signIn']['by'];

/**
 * Refuses a change that a page of another place asks for, as far as the browser says so. It comes before the CSRF token, which a page could
 * read that the browser takes for ours: one whose name was made to point to `gcloud run services proxy` (DNS rebinding).
 */
export function assertOwnPage(headers: Headers, signIn: SignIn): void {
  const site = headers.get('sec-fetch-site') ?? 'same-origin';
  if (site !== 'same-origin' || !isOwnOrigin(headers, signIn)) {
    throw new Refusal(403, 'Only pages of this address may change something.', 'a page of another place');
  }
}

/**
 * Refuses what a page of another place loads as a part of itself, such as a picture: nobody looks at it, and reading the source and BigQuery costs.
 * A link may stand anywhere.
 */
export function assertShown(headers: Headers): void {
  if (!isForeign(headers) || headers.get('sec-fetch-dest') === 'document') return;
  throw new Refusal(
    403,
    'Other pages may lead to this address, but load nothing from it.',
    'a page of another place',
  );
}

/** Whether a page of another place asks for this or leads here, as far as the browser says so. An address that somebody types is `none`. */
export function isForeign(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site');
  return site === 'cross-site' || site === 'same-site';
}

/** Through the proxy of gcloud, `Origin` is the browser's own machine, and `Host` is not. */
function isOwnOrigin(headers: Headers, signIn: SignIn): boolean {
  const origin = headers.get('origin');
  if (origin === null) return true;
  if (signIn === 'iam' && isLoopbackOrigin(origin)) return true;
  const scheme = signIn === 'loopback' ? 'http' : 'https';
  return origin.toLowerCase() === `${scheme}://${headers.get('host')?.toLowerCase()}`;
}

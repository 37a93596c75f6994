import { Refusal } from './refusal.ts';

/** A name of this machine, as a browser writes it, with or without a port. A name that only points here may be anybody's. */
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/**
 * Refuses a request that did not come from a page of this machine. Nobody checks who sends it, so that a web page elsewhere must not reach it:
 * neither by a name that it lets point here (`Host`), nor from its own place (`Origin`).
 */
export function assertLoopback(headers: Headers): void {
  const host = headers.get('host') ?? '';
  if (!LOOPBACK.test(host)) {
    throw new Refusal(403, 'This address is for the same machine only.', 'foreign Host');
  }
  const origin = headers.get('origin');
  if (origin !== null && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    throw new Refusal(403, 'This address is for pages of its own only.', 'foreign Origin');
  }
}

/** Whether an origin is a page of the machine on which the browser runs. */
export const isLoopbackOrigin = (origin: string): boolean =>
  origin.startsWith('http://') && LOOPBACK.test(origin.slice('http://'.length));

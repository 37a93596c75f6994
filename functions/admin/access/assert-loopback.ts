import { Refusal } from './refusal.ts';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Refuses a request that did not come from a page of this machine. Nobody checks who sends it, so that a web page elsewhere must not reach it:
 * neither by a name that it lets point here (`Host`), nor from its own place (`Origin`).
 */
export function assertLoopback(headers: Headers): void {
  const host = headers.get('host') ?? '';
  if (!LOOPBACK.has(hostnameOf(`http://${host}`))) {
    throw new Refusal(403, 'This address is for the same machine only.', 'foreign Host');
  }
  const origin = headers.get('origin');
  if (origin !== null && origin !== `http://${host}`) {
    throw new Refusal(403, 'This address is for pages of its own only.', 'foreign Origin');
  }
}

const hostnameOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : '');

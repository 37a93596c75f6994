import type { RequestListener } from 'node:http';

/** A name of this machine, with or without a port. Any other name that points here may be a web page's (DNS rebinding). */
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/**
 * Serves programs of this machine only. A server that checks no credentials must not be reached by a web page that its user happens to
 * read: neither by a name that the page lets point here (`Host`), nor from the page's own place (`Origin`, `Sec-Fetch-Site`).
 */
export function fromThisMachine(application: RequestListener): RequestListener {
  return (request, response) => {
    const { host = '', origin, 'sec-fetch-site': site = 'none' } = request.headers;
    const isOwn = origin === undefined || origin.toLowerCase() === `http://${host.toLowerCase()}`;
    if (LOOPBACK.test(host) && isOwn && (site === 'none' || site === 'same-origin')) {
      application(request, response);
      return;
    }
    const error = { code: 403, message: 'This address is for programs of the same machine only.' };
    response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  };
}

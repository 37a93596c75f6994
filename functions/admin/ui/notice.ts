import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';
import type { AdminContext } from '../request.ts';
import { timesIn } from './format.ts';
import { type Html, html } from './html.ts';

/** What was done, for the page that comes next; `audit` is the id of its entry there, if anything was asked for. */
const notice = z.object({
  text: z.string().max(500),
  audit: z
    .string()
    .regex(/^\d{1,19}$/)
    .nullable(),
});
export type Notice = z.output<typeof notice>;

/** Keeps a notice for the next page, which a redirect shows. A reload of that page shows it no more. */
export function keepNotice(c: AdminContext, given: Notice): void {
  setCookie(c, cookieOf(c), Buffer.from(JSON.stringify(given)).toString('base64url'), {
    ...optionsOf(c),
    httpOnly: true,
    sameSite: 'Strict',
    maxAge: 60,
  });
}

/** The notice that was kept, if there is one. A cookie of another form shows nothing. */
export function showNotice(c: AdminContext): Html | '' {
  const kept = getCookie(c, cookieOf(c));
  if (kept === undefined) return '';
  deleteCookie(c, cookieOf(c), optionsOf(c));
  const parsed = notice.safeParse(parse(Buffer.from(kept, 'base64url').toString('utf8')));
  if (!parsed.success) return '';
  const { text, audit } = parsed.data;
  return html`<div class="notice" role="status"><p>${timesIn(text)}</p>${audit === null ? '' : html`<a href="/audit/${audit}">Entry in the audit</a>`}</div>`;
}

const isHttps = (c: AdminContext): boolean => c.get('dependencies').config.admin.signIn.by === 'iap';

const cookieOf = (c: AdminContext): string => (isHttps(c) ? '__Host-datahub-notice' : 'datahub-notice');

const optionsOf = (c: AdminContext) => ({ path: '/', secure: isHttps(c) });

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // Somebody else's cookie.
    return null;
  }
}

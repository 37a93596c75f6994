import assert from 'node:assert/strict';
import { CSRF_FIELD } from '../../functions/admin/access/csrf.ts';
import type { Role } from '../../functions/admin/access/user.ts';
import { createApp } from '../../functions/admin/app.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';

const EMAILS: Record<Role, string> = { operator: 'operator@example.com', viewer: 'viewer@example.com' };

/** A page as a test looks at it. */
export type AdminPage = { status: number; headers: Headers; html: string; text: string };

/** The web page of the operators without a browser: keeps the cookie, and sends the CSRF token of the page that it got last. */
export class AdminClient {
  readonly #app: ReturnType<typeof createApp>;
  readonly #role: Role;
  readonly #cookies = new Map<string, string>();
  #csrf = '';

  constructor(dependencies: () => Dependencies, role: Role = 'operator') {
    this.#role = role;
    this.#app = createApp(async () => withRoles(dependencies()));
  }

  /** Gets a page; does not follow redirects. */
  async get(path: string): Promise<AdminPage> {
    return await this.#request(path, {});
  }

  /** Sends a form of the page that was got last. `csrf: null` leaves the token out. */
  async post(
    path: string,
    fields: Record<string, string>,
    { csrf = this.#csrf }: { csrf?: string | null } = {},
  ): Promise<AdminPage> {
    const body = new URLSearchParams({ ...(csrf !== null && { [CSRF_FIELD]: csrf }), ...fields });
    return await this.#request(path, { method: 'POST', body });
  }

  /** The answer itself, whose body a test reads as it comes. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${tokenOf(EMAILS[this.#role])}`);
    const cookies = [...this.#cookies].map(([name, value]) => `${name}=${value}`);
    if (cookies.length > 0) headers.set('cookie', cookies.join('; '));
    return await this.#app.request(path, { ...init, headers });
  }

  /** As a browser does: one whose time is over is gone. */
  #keep(cookie: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (/max-age=0\b/i.test(cookie)) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }

  async #request(path: string, init: RequestInit): Promise<AdminPage> {
    const response = await this.fetch(path, init);
    for (const cookie of response.headers.getSetCookie()) this.#keep(cookie);
    const html = await response.text();
    this.#csrf = /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? this.#csrf;
    return { status: response.status, headers: response.headers, html, text: textOf(html) };
  }
}

/** Cloud Run has checked the token; its signature is gone. */
const tokenOf = (email: string): string =>
  `e30.${Buffer.from(JSON.stringify({ email, email_verified: true })).toString('base64url')}.`;

function withRoles(dependencies: Dependencies): Dependencies {
  const admin = {
    signIn: { by: 'iam' as const },
    operators: new Set([EMAILS.operator]),
    viewers: new Set([EMAILS.viewer]),
  };
  return { ...dependencies, config: { ...dependencies.config, admin } };
}

const ENTITIES: Record<string, string> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
};

/** What stands in attributes and between tags, as a browser reads it. */
export const unescaped = (html: string): string =>
  html.replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (entity) => ENTITIES[entity] ?? entity);

/** What a reader sees: without tags, and with single spaces. */
export const textOf = (html: string): string =>
  unescaped(html.replaceAll(/<[^>]*>/g, ' '))
    .replaceAll(/\s+/g, ' ')
    .trim();

/** The address of the link with this text. */
export function linkOf({ html }: AdminPage, text: string): string {
  for (const [, href = '', content = ''] of html.matchAll(/<a\b[^>]*?href="([^"]*)"[^>]*>(.*?)<\/a>/gs)) {
    if (textOf(content) === text) return unescaped(href);
  }
  return assert.fail(`no link "${text}"`);
}

/** The hidden fields of the form with this action. */
export function formOf({ html }: AdminPage, action: string, nth = 0): Record<string, string> {
  const forms = [...html.matchAll(/<form(?: class="[^"]*")? method="post" action="([^"]*)">(.*?)<\/form>/gs)];
  const own = forms.filter(([, path = '']) => unescaped(path) === action)[nth];
  if (own === undefined) return assert.fail(`no form ${action}`);
  return Object.fromEntries(
    [...(own[2] ?? '').matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(
      ([, name = '', value = '']) => [name, unescaped(value)],
    ),
  );
}

/** What stands in the fields of the form of a view source. */
export function shownIn({ html }: AdminPage): Record<string, string> {
  const form = /<form class="fields" method="post"[^>]*>(.*?)<\/form>/s.exec(html)?.[1] ?? '';
  const own: [string, string][] = [];
  for (const [, tag = '', name = '', rest = '', content = ''] of form.matchAll(
    /<(input|select|textarea) (?:type="checkbox" )?name="(\w+)"([^>]*)>((?:(?!<input|<select|<textarea)[\s\S])*?(?=<\/(?:select|textarea)>|<\/label>))/g,
  )) {
    if (tag === 'textarea') own.push([name, unescaped(content).replace(/^\n/, '')]);
    else if (tag === 'select') own.push([name, /value="([^"]*)" selected/.exec(content)?.[1] ?? '']);
    else if (!rest.includes('value="yes"'))
      own.push([name, unescaped(/value="([^"]*)"/.exec(rest)?.[1] ?? '')]);
    else if (rest.includes(' checked')) own.push([name, 'yes']);
  }
  return Object.fromEntries(own);
}

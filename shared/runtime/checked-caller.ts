/** Reads a header by its name in lower case. */
export type ReadHeader = (name: string) => string | string[] | null | undefined;

/**
 * Who sends a request to a function that demands IAM: the email, in lower case, of the identity token that Cloud Run has checked; null without one, as
 * on a laptop. If both headers are there, Cloud Run checks X-Serverless-Authorization alone and hands the other one through
 * (https://cloud.google.com/run/docs/authenticating/service-to-service#acquire-token). It replaces the signature, so that nobody can check it again
 * (https://cloud.google.com/run/docs/troubleshooting#signature-redacted).
 */
export function checkedCaller(read: ReadHeader): string | null {
  const checked = read('x-serverless-authorization') ?? read('authorization');
  const [, claims] = ONE_TOKEN.exec(typeof checked === 'string' ? checked : '') ?? [];
  return claims === undefined ? null : emailOf(claims);
}

/** The whole header: two headers of the same name arrive as one with a comma. */
const ONE_TOKEN = /^bearer [\w-]+\.([\w-]+)\.[\w-]*$/i;
const PRINTABLE = /^[\x21-\x7e]{1,200}$/;

function emailOf(claims: string): string | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
    if (typeof parsed !== 'object' || parsed === null) return null;
    if (!('email' in parsed) || typeof parsed.email !== 'string') return null;
    // Google sets it for each of its accounts; an address that nobody has proved names nobody.
    if (!('email_verified' in parsed) || parsed.email_verified !== true) return null;
    return PRINTABLE.test(parsed.email) ? parsed.email.toLowerCase() : null;
  } catch {
    // A token of another form names nobody.
    return null;
  }
}

import { Refusal } from './refusal.ts';

/**
 * The email of the identity token that Cloud Run has checked. If both headers are there, Cloud Run checks X-Serverless-Authorization alone and
 * hands the other one through: https://cloud.google.com/run/docs/authenticating/service-to-service#acquire-token. It replaces the signature, so
 * that nobody can check it again. Only for a function that demands IAM. Throws `Refusal` if no header names an email.
 */
export function iamEmail(headers: Headers): string {
  const checked = headers.get('x-serverless-authorization') ?? headers.get('authorization') ?? '';
  const [, claims] = ONE_TOKEN.exec(checked) ?? [];
  const email = claims === undefined ? null : emailOf(claims);
  if (email !== null) return email;
  throw new Refusal(
    401,
    'Open this page through `gcloud run services proxy`, signed in with your own account.',
    'no identity token with an email',
  );
}

/** The whole header: two headers of the same name arrive as one with a comma. */
const ONE_TOKEN = /^bearer [\w-]+\.([\w-]+)\.[\w-]*$/i;

function emailOf(claims: string): string | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
    if (typeof parsed !== 'object' || parsed === null) return null;
    if (!('email' in parsed) || typeof parsed.email !== 'string') return null;
    // Google sets it for each of its accounts; an address that nobody has proved names nobody.
    if (!('email_verified' in parsed) || parsed.email_verified !== true) return null;
    return parsed.email.toLowerCase();
  } catch {
    // A token of another form names nobody.
    return null;
  }
}

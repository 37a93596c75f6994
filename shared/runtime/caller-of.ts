type Headers = Record<string, string | string[] | undefined>;

/**
 * Who calls by hand: the email of the identity token that Cloud Run has checked, for the record. Cloud Run replaces the signature, so it
 * cannot be checked again, and a caller who may call can also forge it: never a reason to allow anything
 * (https://cloud.google.com/run/docs/troubleshooting#signature-redacted). Null without a token, as on a laptop.
 */
export function callerOf(headers: Headers): string | null {
  const bearer = headers['x-serverless-authorization'] ?? headers.authorization;
  const [, claims] = /^bearer [\w-]+\.([\w-]+)\./i.exec(typeof bearer === 'string' ? bearer : '') ?? [];
  if (claims === undefined) return null;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
    const email = typeof parsed === 'object' && parsed !== null && 'email' in parsed ? parsed.email : null;
    return typeof email === 'string' && /^[\x21-\x7e]{1,200}$/.test(email) ? email : null;
  } catch {
    // A token of another form names nobody.
    return null;
  }
}

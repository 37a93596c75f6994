import { OAuth2Client } from 'google-auth-library';
import { asDataHubError, DataHubError } from '../../../shared/errors.ts';
import { Refusal } from './refusal.ts';

const HEADER = 'x-goog-iap-jwt-assertion';
const ISSUER = 'https://cloud.google.com/iap';

/** Google replaces its keys after weeks, and publishes a new one before it signs with it. */
const KEEP_KEYS_MS = 3_600_000;
/** A forged token may name any key: it must not make us read the keys at each request. */
const READ_AGAIN_AFTER_MS = 60_000;

/**
 * Reads the email of a request that came through Identity-Aware Proxy from its signed header:
 * https://cloud.google.com/iap/docs/signed-headers-howto. Throws `Refusal` for a missing, forged or expired token and for one with another
 * audience, and `transient` when Google's keys cannot be read.
 */
export function createIapEmail(audience: string, client = new OAuth2Client(), nowMs = Date.now) {
  const readKeys = createReadKeys(client, nowMs);
  return async (headers: Headers): Promise<string> => {
    const token = headers.get(HEADER);
    if (token === null) throw refused('no header of Identity-Aware Proxy');
    const keys = await readKeys(keyIdOf(token));
    const ticket = await client
      .verifySignedJwtWithCertsAsync(token, keys, audience, [ISSUER])
      .catch((error: unknown) => {
        throw refused(`token of Identity-Aware Proxy: ${reasonOf(error)}`);
      });
    const email = ticket.getPayload()?.email;
    if (email === undefined) throw refused('token of Identity-Aware Proxy: no email');
    return email.toLowerCase();
  };
}

/** Reads Google's public keys, and keeps them. */
function createReadKeys(client: OAuth2Client, nowMs: () => number) {
  let keys: Record<string, string> = {};
  let readAtMs = Number.NEGATIVE_INFINITY;
  return async (wanted: string): Promise<Record<string, string>> => {
    const keepMs = Object.hasOwn(keys, wanted) ? KEEP_KEYS_MS : READ_AGAIN_AFTER_MS;
    if (nowMs() - readAtMs < keepMs) return keys;
    const { pubkeys } = await client.getIapPublicKeys().catch((error: unknown) => {
      throw new DataHubError(
        'transient',
        `the public keys of Identity-Aware Proxy cannot be read: ${asDataHubError(error).message}`,
      );
    });
    readAtMs = nowMs();
    keys = pubkeys as Record<string, string>;
    return keys;
  };
}

function keyIdOf(token: string): string {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8'));
    if (typeof header === 'object' && header !== null && 'kid' in header) return String(header.kid);
  } catch {
    // Not JSON: no token.
  }
  throw refused('token of Identity-Aware Proxy: malformed');
}

/** How the messages of google-auth-library begin. What follows may quote the token. */
const REASONS = [
  'No pem found',
  'Invalid token signature',
  'Token used too early',
  'Token used too late',
  'Expiration time too far in future',
  'Invalid issuer',
  'Wrong recipient',
];

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  return REASONS.find((reason) => message.startsWith(reason)) ?? 'malformed';
}

const refused = (reason: string): Refusal =>
  new Refusal(401, 'Sign in through Identity-Aware Proxy: open the address of the load balancer.', reason);

import { OAuth2Client } from 'google-auth-library';
import { asDataHubError, DataHubError } from '../../../shared/errors.ts';
import { Refusal } from './refusal.ts';

const HEADER = 'x-goog-iap-jwt-assertion';
const ISSUER = 'https://cloud.google.com/iap';

/**
 * Reads the email of a request that came through Identity-Aware Proxy from its signed header:
 * https://cloud.google.com/iap/docs/signed-headers-howto. Throws `Refusal` for a missing, forged or expired token and for one with another
 * audience, and `transient` when Google's keys cannot be read.
 */
export function createIapEmail(audience: string, client = new OAuth2Client()) {
  return async (headers: Headers): Promise<string> => {
    const token = headers.get(HEADER);
    if (token === null) throw refused('no header of Identity-Aware Proxy');
    const { pubkeys } = await client.getIapPublicKeys().catch((error: unknown) => {
      throw new DataHubError('transient', `Google's keys cannot be read: ${asDataHubError(error).message}`);
    });
    const ticket = await client
      .verifySignedJwtWithCertsAsync(token, pubkeys, audience, [ISSUER])
      .catch((error: unknown) => {
        throw refused(`token of Identity-Aware Proxy: ${(error as Error).message.split(':')[0]}`);
      });
    const email = ticket.getPayload()?.email;
    if (email === undefined) throw refused('token of Identity-Aware Proxy without an email');
    return email.toLowerCase();
  };
}

const refused = (reason: string): Refusal =>
  new Refusal(401, 'Sign in through Identity-Aware Proxy: open the address of the load balancer.', reason);

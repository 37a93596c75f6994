import { type SecretReader, unreadable } from '../config/read-secrets.ts';
import { ADVICE } from '../errors.ts';
import { once } from '../once.ts';
import { createSecretManager } from './clients.ts';
import { crc32c } from './crc32c.ts';
import { withRequestTimeout } from './request-timeout.ts';
import { refusedSecret } from './secret-errors.ts';

/** Fixed, since the configuration is read after the secrets. */
const SECRET_TIMEOUT_SECONDS = 20;

/**
 * Reads versions of secrets from Secret Manager, without caching. The reader throws `environment` for a version that does not exist
 * or is disabled, `unauthorized` without access to it, and `transient` for errors that pass.
 */
export function createSecretReader(): SecretReader {
  const client = once(createSecretManager);
  return async (reference) => {
    const { project, secret, version } = reference;
    const name = `projects/${project}/secrets/${secret}/versions/${version}`;
    const call = client().then((manager) => manager.accessSecretVersion({ name }));
    const [{ payload }] = await withRequestTimeout(SECRET_TIMEOUT_SECONDS, call).catch((error: unknown) => {
      throw refusedSecret(error, reference);
    });
    const bytes = Buffer.from(payload?.data ?? '');
    if (String(payload?.dataCrc32c) !== String(crc32c(bytes))) {
      throw unreadable('transient', reference, 'arrived damaged', { advice: ADVICE.transient });
    }
    // A value piped into `gcloud secrets versions add` often ends with a line break.
    return bytes.toString('utf8').trim();
  };
}

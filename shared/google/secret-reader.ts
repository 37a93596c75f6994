import { type SecretReader, unreadable } from '../config/read-secrets.ts';
import { ADVICE } from '../errors.ts';
import { once } from '../once.ts';
import { createSecretManager } from './clients.ts';
import { crc32c } from './crc32c.ts';
import { withRequestTimeout } from './request-timeout.ts';
import { secretError } from './secret-errors.ts';

/** Fixed, because secrets are read before the configuration. */
const SECRET_TIMEOUT_SECONDS = 20;

/**
 * Creates a reader of Secret Manager, which caches nothing. The reader throws `environment` for a version that does not exist or is
 * disabled, `unauthorized` without access to it, and `transient` for errors that may pass.
 */
export function createSecretReader(): SecretReader {
  const client = once(createSecretManager);
  return async (reference) => {
    const { project, secret, version } = reference;
    const name = `projects/${project}/secrets/${secret}/versions/${version}`;
    const call = client().then((manager) => manager.accessSecretVersion({ name }));
    const [{ payload }] = await withRequestTimeout(SECRET_TIMEOUT_SECONDS, call).catch((error: unknown) => {
      throw secretError(error, reference);
    });
    const bytes = Buffer.from(payload?.data ?? '');
    if (String(payload?.dataCrc32c) !== String(crc32c(bytes))) {
      throw unreadable('transient', reference, 'arrived corrupt', { advice: ADVICE.transient });
    }
    // A value piped into `gcloud secrets versions add` often ends with a line break.
    return bytes.toString('utf8').trim();
  };
}

import { z } from 'zod';
import { type SecretReader, unreadable } from '../config/read-secrets.ts';
import { ADVICE } from '../errors.ts';
import { once } from '../once.ts';
import { createSecretManager } from './clients.ts';
import { crc32c } from './crc32c.ts';
import { secretError } from './secret-errors.ts';

/** Fixed, because secrets are read before the configuration. */
const SECRET_TIMEOUT_SECONDS = 10;

/** https://cloud.google.com/secret-manager/docs/reference/rest/v1/SecretPayload: base64, and a 64-bit number as JSON writes it. */
const answerSchema = z.object({
  payload: z.object({ data: z.string().default(''), dataCrc32c: z.string() }),
});

/**
 * Creates a reader of Secret Manager, which caches nothing. The reader throws `environment` for a version that does not exist or is
 * disabled, `unauthorized` without access to it, and `transient` for errors that may pass. `timeoutSeconds` is that of an attempt.
 */
export function createSecretReader(timeoutSeconds = SECRET_TIMEOUT_SECONDS): SecretReader {
  const client = once(() => createSecretManager(timeoutSeconds));
  return async (reference) => {
    const { project, secret, version } = reference;
    const path = `/v1/projects/${project}/secrets/${secret}/versions/${version}:access`;
    const call = client().then((manager) => manager.request({ method: 'GET', path }));
    const answer = await call.catch((error: unknown) => {
      throw secretError(error, reference);
    });
    const bytes = checkedBytes(answer);
    if (bytes === null) {
      throw unreadable('transient', reference, 'arrived corrupt', { advice: ADVICE.transient });
    }
    // A value piped into `gcloud secrets versions add` often ends with a line break.
    return bytes.toString('utf8').trim();
  };
}

/** The value of a version; null if its checksum is missing or that of another value. */
function checkedBytes(answer: unknown): Buffer | null {
  const { success, data } = answerSchema.safeParse(answer);
  if (!success) return null;
  const bytes = Buffer.from(data.payload.data, 'base64');
  return data.payload.dataCrc32c === String(crc32c(bytes)) ? bytes : null;
}

import { asDataHubError, DataHubError, RETRIED } from '../errors.ts';
import { isReference, parseReference, type SecretReference, showReference } from './secret.ts';

/** The variables that hold secrets. Each may refer to Secret Manager instead. */
const SECRET_VARIABLES = [
  'SOURCE_DATABASE_URL',
  'SOURCE_TLS_CA',
  'CONTROL_DATABASE_URL',
  'CONTROL_TLS_CA',
] as const;

/** Reads the current value of a reference. Throws `environment`, `unauthorized` or `transient`. */
export type SecretReader = (reference: SecretReference) => Promise<string>;

/** The results of reading the secrets that an environment names. */
export type ReadSecrets = {
  /** By variable: the reference and its value. */
  read: Map<string, { reference: SecretReference; value: string }>;
  /** By variable: why its secret could not be read. */
  faults: Map<string, DataHubError>;
};

export const NO_SECRETS: ReadSecrets = { read: new Map(), faults: new Map() };

/** Reads all secrets that the environment names, in parallel. Returns failures, so that `parseConfig` reports them with all other faults. */
export async function readSecrets(
  env: Record<string, string | undefined>,
  readSecret: SecretReader,
): Promise<ReadSecrets> {
  const secrets: ReadSecrets = { read: new Map(), faults: new Map() };
  const named = SECRET_VARIABLES.filter((variable) => isReference(env[variable] ?? ''));
  await Promise.all(
    named.map(async (variable) => {
      try {
        const reference = parseReference(env[variable] ?? '');
        if (reference === null) throw malformed();
        secrets.read.set(variable, { reference, value: await readSecret(reference) });
      } catch (error) {
        secrets.faults.set(variable, asDataHubError(error));
      }
    }),
  );
  return secrets;
}

const malformed = () =>
  new DataHubError('environment', 'must have the form sm://project/secret/version', {
    advice: `Write it in this form, with a number or "latest" as the version, and deploy again. ${RETRIED}`,
  });

/** The error for a reference that cannot be read; `why` follows the reference in its message. */
export function unreadable(
  kind: 'environment' | 'unauthorized' | 'transient',
  reference: SecretReference,
  why: string,
  { advice, cause }: { advice: string; cause?: unknown },
): DataHubError {
  return new DataHubError(kind, `names ${showReference(reference)}, which ${why}`, { advice, cause });
}

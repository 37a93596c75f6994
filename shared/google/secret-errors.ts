import { unreadable } from '../config/read-secrets.ts';
import { type SecretReference, showReference } from '../config/secret.ts';
import { ADVICE, type DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from './google-errors.ts';

/** Classifies why Secret Manager did not return a version, with advice. */
export function secretError(cause: unknown, reference: SecretReference): DataHubError {
  const { project, secret } = reference;
  const add = `gcloud secrets versions add ${secret} --project ${project} --data-file -`;
  switch (codeOf(cause)) {
    case NOT_FOUND:
      return unreadable('environment', reference, 'does not exist', {
        advice: `Correct the reference, or add a version: ${add}.`,
        cause,
      });
    case FAILED_PRECONDITION:
      return unreadable('environment', reference, 'is disabled or destroyed', {
        advice: `Enable the version, or add one: ${add}.`,
        cause,
      });
    case PERMISSION_DENIED:
      return unreadable('unauthorized', reference, 'the function may not read', {
        advice: `Give the function's service account the role roles/secretmanager.secretAccessor on secret ${secret} of project ${project}.`,
        cause,
      });
    default: {
      const { kind, message } = fromGoogle(cause, `secret ${showReference(reference)}`);
      const reported = kind === 'unauthorized' || kind === 'environment' ? kind : 'transient';
      return unreadable(reported, reference, `cannot be read: ${message}`, {
        advice: ADVICE[reported],
        cause,
      });
    }
  }
}

// https://grpc.github.io/grpc/core/md_doc_statuscodes.html
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const FAILED_PRECONDITION = 9;

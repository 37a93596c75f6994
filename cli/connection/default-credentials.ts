import { GoogleAuth, Impersonated, UserRefreshClient } from 'google-auth-library';
import { CommandError } from '../command-error.ts';
import type { Credentials } from './gcloud.ts';

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/**
 * Tokens of the application-default credentials, for machines without gcloud: those of a service account, or of one that they may impersonate.
 * Credentials of a person make no identity tokens that a function accepts, and are refused
 * (https://cloud.google.com/docs/authentication/get-id-token).
 */
export function defaultCredentials(impersonate: string | undefined): Credentials {
  const auth = new GoogleAuth({ scopes: [SCOPE] });
  const own = async () =>
    await auth.getClient().catch((cause: unknown) => {
      throw new CommandError('gcloud is not installed, and there are no application-default credentials.', {
        advice:
          'Install gcloud (https://cloud.google.com/sdk/docs/install), and log in with: gcloud auth login.',
        cause,
      });
    });
  const impersonated = async (): Promise<Impersonated | null> =>
    impersonate === undefined
      ? null
      : new Impersonated({
          sourceClient: await own(),
          targetPrincipal: impersonate,
          targetScopes: [SCOPE],
        });
  return {
    accessToken: async () => {
      const { token } = await ((await impersonated()) ?? (await own())).getAccessToken().catch(refused);
      return token ?? '';
    },
    identityTokens: async () => {
      const account = await impersonated();
      if (account !== null) {
        return async (audience) =>
          await account.fetchIdToken(audience, { includeEmail: true }).catch(refused);
      }
      if ((await own()) instanceof UserRefreshClient) throw ofPerson();
      return async (audience) => {
        const client = await auth.getIdTokenClient(audience);
        return await client.idTokenProvider.fetchIdToken(audience).catch(refused);
      };
    },
  };
}

const ofPerson = (): CommandError =>
  new CommandError(
    'The application-default credentials are those of a person, which make no identity tokens for functions.',
    {
      advice:
        'Install gcloud and log in with: gcloud auth login. Or act as a service account with --impersonate-service-account.',
    },
  );

function refused(cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new CommandError(`Google refused a token: ${reason}`, {
    advice:
      'Log in again with: gcloud auth login. To impersonate a service account, the caller needs roles/iam.serviceAccountTokenCreator on it.',
    cause,
  });
}

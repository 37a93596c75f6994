import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CommandError } from '../command-error.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

/** Tokens of one identity. */
export interface Credentials {
  /** For Google's APIs. */
  accessToken(): Promise<string>;
  /** Gives tokens for functions, whose URLs are the audiences. Throws `CommandError` at once if the identity makes none. */
  identityTokens(): Promise<(audience: string) => Promise<string>>;
}

/** Tokens of whoever is logged in with gcloud, or of the service account that this account may impersonate. */
export function gcloudCredentials(impersonate: string | undefined): Credentials {
  const impersonation = impersonate === undefined ? [] : [`--impersonate-service-account=${impersonate}`];
  const gcloud = keeping(printToken);
  return {
    accessToken: () => gcloud(['auth', 'print-access-token', ...impersonation]),
    identityTokens: async () => async (audience) => {
      const forAudience = [`--audiences=${audience}`, ...impersonation];
      if (impersonate !== undefined) {
        return await gcloud(['auth', 'print-identity-token', ...forAudience, '--include-email']);
      }
      // A person's token fits every function and takes no audience; a service account's needs one.
      const token = await gcloud(['auth', 'print-identity-token']);
      return isOfServiceAccount(token)
        ? await gcloud(['auth', 'print-identity-token', ...forAudience])
        : token;
    },
  };
}

/** Tokens are valid for an hour. A command that watches or waits needs one every few seconds, and gcloud takes a second for each. */
const KEPT_MS = 30 * 60_000;

function keeping(print: (args: string[]) => Promise<string>): (args: string[]) => Promise<string> {
  const kept = new Map<string, { token: Promise<string>; untilMs: number }>();
  return async (args) => {
    const name = args.join(' ');
    const known = kept.get(name);
    if (known !== undefined && performance.now() < known.untilMs) return await known.token;
    const token = print(args);
    kept.set(name, { token, untilMs: performance.now() + KEPT_MS });
    return await token;
  };
}

/** Throws `CommandError` with what gcloud says, such as that nobody is logged in. */
async function printToken(args: string[]): Promise<string> {
  try {
    const { stdout } = await run('gcloud', args, { timeout: TIMEOUT_MS });
    const token = stdout.trim();
    if (token !== '') return token;
    throw new CommandError(`gcloud ${args.slice(0, 2).join(' ')} printed no token.`, { advice: LOG_IN });
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const { stderr = '' } = error as { stderr?: string };
    const said = stderr
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('WARNING:'));
    throw new CommandError(
      `gcloud ${args.slice(0, 2).join(' ')} failed: ${said.join(' ') || 'it did not say why'}`,
      { advice: LOG_IN, cause: error },
    );
  }
}

const LOG_IN =
  'Log in with: gcloud auth login. Or act as a service account that you may impersonate (roles/iam.serviceAccountTokenCreator) with --impersonate-service-account.';

function isOfServiceAccount(token: string): boolean {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return String(claims.email).endsWith('.gserviceaccount.com');
  } catch {
    return false;
  }
}

import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { CommandError, RefusedByFunction } from '../command-error.ts';
import type { Installation, LogRequest } from '../installation.ts';
import { readCloudLogs } from './cloud-logs.ts';
import { type Credentials, gcloudCredentials } from './gcloud.ts';

export type CloudOptions = {
  project: string;
  region: string;
  /** The name that Terraform appends to all names. */
  environment: string | undefined;
  impersonate: string | undefined;
  /** `CLOUDSDK_API_ENDPOINT_OVERRIDES_…` name other endpoints of Google's APIs, as they do for gcloud. */
  env: Record<string, string | undefined>;
};

const ENDPOINTS = {
  CLOUDFUNCTIONS: 'https://cloudfunctions.googleapis.com/',
  LOGGING: 'https://logging.googleapis.com/',
  BIGQUERY: 'https://bigquery.googleapis.com/bigquery/v2/',
};

/** Functions end after 540 s, but Node gives up on an answer after 300. */
const ANSWER_SECONDS = 295;

/** An installation that Terraform has made. */
export async function openCloud(options: CloudOptions): Promise<Installation> {
  return new CloudInstallation(options, await credentialsOf(options));
}

class CloudInstallation implements Installation {
  readonly name: string;
  /** The functions read it from the identity token. */
  readonly by = null;
  readonly source = null;
  readonly #options: CloudOptions;
  readonly #credentials: Credentials;
  readonly #urls = new Map<string, string>();

  constructor(options: CloudOptions, credentials: Credentials) {
    this.#options = options;
    this.#credentials = credentials;
    const { project, region, environment } = options;
    this.name = [`project ${project}`, region, environment].filter(Boolean).join(', ');
  }

  async call(functionName: 'extract' | 'reconcile', payload: object): Promise<object> {
    const deployed = `${functionName}${this.#suffix}`;
    const identityToken = await this.#credentials.identityTokens();
    const url = await this.#urlOf(deployed);
    const token = await identityToken(url);
    const response = await request(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(payload),
      signal: AbortSignal.timeout(ANSWER_SECONDS * 1000),
    }).catch((error: unknown) => {
      if (!(error instanceof CommandError) || !isTimeout(error.cause)) throw error;
      throw new CommandError(`${deployed} has not answered for ${ANSWER_SECONDS} seconds.`, {
        advice: 'The function goes on: look at the status.',
        cause: error,
      });
    });
    const answer = objectOf(await response.text());
    if (answer === null) throw refusedBefore(deployed, response.status);
    if ('error' in answer) throw new RefusedByFunction(answer as RefusedByFunction['answer']);
    return answer;
  }

  async openWarehouse() {
    const [{ BigQuery }, { OAuth2Client }] = await Promise.all([
      import('@google-cloud/bigquery'),
      import('google-auth-library'),
    ]);
    const authClient = new OAuth2Client();
    authClient.setCredentials({ access_token: await this.#credentials.accessToken() });
    const endpoint = this.#endpointOf('BIGQUERY').replace(/\/bigquery\/v2\/?$/, '');
    return {
      bigquery: new BigQuery({ projectId: this.#options.project, authClient, apiEndpoint: endpoint }),
      targetDataset: `SMartDataAnalytics${this.#suffix.replaceAll('-', '_')}`,
    };
  }

  logs(logRequest: LogRequest) {
    const { project } = this.#options;
    const services = ['extract', 'merge', 'stream', 'reconcile', 'admin'].map(
      (name) => `${name}${this.#suffix}`,
    );
    const list = async (body: object) => {
      const url = `${this.#endpointOf('LOGGING')}v2/entries:list`;
      const headers = {
        authorization: `Bearer ${await this.#credentials.accessToken()}`,
        'content-type': 'application/json',
      };
      const response = await request(url, { method: 'POST', headers, body: JSON.stringify(body) });
      return await answerOf(response, 'read the logs', 'roles/logging.viewer on the project');
    };
    return readCloudLogs({ project, services, suffix: this.#suffix, list }, logRequest);
  }

  get #suffix(): string {
    const { environment } = this.#options;
    return environment === undefined ? '' : `-${environment}`;
  }

  #endpointOf(api: keyof typeof ENDPOINTS): string {
    const override = this.#options.env[`CLOUDSDK_API_ENDPOINT_OVERRIDES_${api}`] || ENDPOINTS[api];
    return override.endsWith('/') ? override : `${override}/`;
  }

  /** Looks the function up, as `gcloud functions call` does. */
  async #urlOf(deployed: string): Promise<string> {
    const known = this.#urls.get(deployed);
    if (known !== undefined) return known;
    const { project, region } = this.#options;
    const path = `v2/projects/${project}/locations/${region}/functions/${deployed}`;
    const token = await this.#credentials.accessToken();
    const response = await request(`${this.#endpointOf('CLOUDFUNCTIONS')}${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    if (response.status === 404) {
      throw new CommandError(`There is no function ${deployed} in region ${region} of project ${project}.`, {
        advice:
          'Correct --project and --region. If Terraform has an environment, name it with --environment.',
      });
    }
    const found = await answerOf(response, `look the function ${deployed} up`, 'the invokers of Terraform');
    const uri = (found as { serviceConfig?: { uri?: unknown } }).serviceConfig?.uri;
    if (typeof uri === 'string') {
      this.#urls.set(deployed, uri);
      return uri;
    }
    throw new CommandError(`The function ${deployed} has no URL yet.`, {
      advice: 'Its deployment may still be going on, or have failed: look at it in the console.',
    });
  }
}

/** Those of gcloud, or where it is not installed, the application-default credentials. */
async function credentialsOf({ impersonate, env }: CloudOptions): Promise<Credentials> {
  if (await isOnPath('gcloud', env.PATH)) return gcloudCredentials(impersonate);
  const { defaultCredentials } = await import('./default-credentials.ts');
  return defaultCredentials(impersonate);
}

async function isOnPath(program: string, path = ''): Promise<boolean> {
  const found = await Promise.all(
    path.split(delimiter).map((folder) =>
      access(join(folder, program), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

/** Throws `CommandError` if there is no answer. */
async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new CommandError(
      `${new URL(url).host} does not answer: ${cause instanceof Error ? cause.message : cause}`,
      { advice: 'Check the network, and try again.', cause: error },
    );
  }
}

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError';

/** The answer of one of Google's APIs. Throws `CommandError` with what Google says. */
async function answerOf(response: Response, what: string, right: string): Promise<object> {
  const answer = objectOf(await response.text());
  if (response.ok && answer !== null) return answer;
  const said = (answer as { error?: { message?: unknown } } | null)?.error?.message;
  throw new CommandError(
    `Google refused to ${what} (HTTP ${response.status})${typeof said === 'string' ? `: ${said}` : ''}`,
    {
      advice:
        response.status === 403
          ? `The account needs ${right}.`
          : response.status === 401
            ? 'Log in again with: gcloud auth login.'
            : 'Try again later.',
    },
  );
}

/** Google answers before the function does. */
function refusedBefore(deployed: string, status: number): CommandError {
  const advice: Record<number, string> = {
    401: 'Log in again with: gcloud auth login.',
    403: 'The account may not call it: it must be in invokers of Terraform, or have roles/run.invoker on the service.',
    404: 'If ingress is ALLOW_INTERNAL_ONLY, only machines in the networks of the project reach the functions.',
    429: 'All instances are busy: try again in a minute.',
  };
  return new CommandError(`${deployed} was not reached (HTTP ${status}).`, {
    advice: advice[status] ?? 'Look at its logs: datahub logs --level error.',
  });
}

function objectOf(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
}

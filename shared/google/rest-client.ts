import type { AuthClient } from 'google-auth-library';
import pRetry from 'p-retry';
import { DataHubError } from '../errors.ts';
import { fromGoogle } from './google-errors.ts';
import { withRequestTimeout } from './request-timeout.ts';
import { connectionFailure, credentialsFailure, parseJson, RestError, refusal } from './rest-error.ts';

/** `path` begins with a slash; its parts are encoded as those of a URL. */
export type RestRequest = { method: 'GET' | 'POST'; path: string; body?: object };

/**
 * A client of a REST API of Google, for calls that may have their effect twice. A call is repeated after a failure that may pass, also after a
 * lost answer. It throws a RestError, which `fromGoogle` classifies.
 */
export type RestClient = {
  /** Returns the JSON of the answer. */
  request(request: RestRequest): Promise<unknown>;
};

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/** So many times the time-out of an attempt, a call is repeated: more than once, so that it is if the first attempt got no answer in time. */
const RETRY_TIME = 1.1;

/** An attempt takes at most `timeoutSeconds`; a call takes at most 2.1 times as long. */
export function createRestClient(
  baseUrl: string,
  auth: Pick<AuthClient, 'getRequestHeaders'>,
  timeoutSeconds: number,
): RestClient {
  const attempt = async (request: RestRequest): Promise<unknown> => {
    const attempted = new AbortController();
    try {
      return await withRequestTimeout(timeoutSeconds, send(baseUrl, auth, request, attempted.signal));
    } catch (error) {
      // The caller names what it asked for.
      throw error instanceof DataHubError ? new RestError(error.message) : error;
    } finally {
      attempted.abort();
    }
  };
  return {
    request: (request) =>
      pRetry(() => attempt(request), {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: FIRST_WAIT_MS,
        maxTimeout: LONGEST_WAIT_MS,
        maxRetryTime: RETRY_TIME * timeoutSeconds * 1000,
        randomize: true,
        shouldRetry: ({ error }) => fromGoogle(error, request.path).kind === 'transient',
      }),
  };
}

async function send(
  baseUrl: string,
  auth: Pick<AuthClient, 'getRequestHeaders'>,
  { method, path, body }: RestRequest,
  signal: AbortSignal,
): Promise<unknown> {
  const url = `${baseUrl}${path}`;
  const headers = await auth.getRequestHeaders(url).catch((error: unknown) => {
    throw credentialsFailure(error);
  });
  if (body !== undefined) headers.set('content-type', 'application/json');
  const { status, text } = await fetch(url, {
    method,
    headers,
    // A redirection could take the token elsewhere; Google sends none.
    redirect: 'error',
    signal,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
    .then(async (response) => ({ status: response.status, text: await response.text() }))
    .catch((error: unknown) => {
      throw connectionFailure(error);
    });
  if (status < 200 || status > 299) throw refusal(status, text);
  const answer = parseJson(text);
  if (answer === undefined) throw new RestError('the answer is not JSON');
  return answer;
}

import { dataFolderOf } from '../../test/local/arguments.ts';
import { findRunningStack, type RunningStack } from '../../test/local/data-folder.ts';
import { sourceTls as tlsOf } from '../../test/local/external-services.ts';
import { callFunction, isFailure } from '../../test/local/functions.ts';
import { CommandError, RefusedByFunction, UsageError } from '../command-error.ts';
import type { Installation, LogRequest, SourceAddress } from '../installation.ts';
import { readLogFile } from './local-logs.ts';

/** The stack of the `npm start` that runs on this data folder. Throws `CommandError` if none does. */
export async function openStack(data: string | undefined): Promise<Installation> {
  if (data?.trim() === '') throw new UsageError('--data must name a folder, not ""');
  const folder = dataFolderOf(data);
  const stack = await findRunningStack(folder);
  if (stack === null) {
    throw new CommandError(`No npm start runs on the data folder ${folder}.`, {
      advice:
        'Start one in another terminal, name its folder with --data, or name an installation in the cloud with --project and --region.',
    });
  }
  if (Object.keys(stack.functions).length === 0) {
    throw new CommandError('npm start is not ready yet.', {
      advice: 'Try again when it has printed the addresses of the functions.',
    });
  }
  return new LocalStack(folder, stack);
}

class LocalStack implements Installation {
  readonly name: string;
  readonly by = process.env.USER || process.env.USERNAME || null;
  readonly #stack: RunningStack;

  constructor(folder: string, stack: RunningStack) {
    this.name = `npm start on ${folder}`;
    this.#stack = stack;
  }

  get source(): SourceAddress | null {
    const { sourceUrl, sourceTls } = this.#stack;
    return sourceUrl === undefined
      ? null
      : { url: sourceUrl, tls: tlsOf({ SOURCE_DATABASE_URL: sourceUrl, ...sourceTls }) };
  }

  async call(functionName: 'extract' | 'reconcile', payload: object): Promise<object> {
    const url = this.#stack.functions[functionName] ?? '';
    const answer = await callFunction(url, payload).catch((cause: unknown) => {
      throw new CommandError(`${functionName} at ${url} did not answer: ${reasonOf(cause)}`, {
        advice: 'npm start may be stopping: look at its terminal.',
        cause,
      });
    });
    if (isFailure(answer)) throw new RefusedByFunction(answer);
    return answer;
  }

  async openWarehouse() {
    const { bigqueryUrl } = this.#stack;
    if (bigqueryUrl === undefined) throw olderRelease('the address of BigQuery');
    // Otherwise Google's client looks for credentials and warns that there are none.
    process.env.METADATA_SERVER_DETECTION ??= 'none';
    // Google's clients take a second to load.
    const { createBigQuery, TARGET_DATASET } = await import('../../test/local/cloud.ts');
    return { bigquery: createBigQuery(bigqueryUrl), targetDataset: TARGET_DATASET };
  }

  logs(request: LogRequest) {
    const { logFile } = this.#stack;
    if (logFile === undefined) throw olderRelease('its log file');
    return readLogFile(logFile, request);
  }
}

const olderRelease = (what: string): CommandError =>
  new CommandError(`The running npm start does not say ${what}.`, {
    advice: 'It was started by an older release: stop it, and start it again.',
  });

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
};

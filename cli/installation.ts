import type { ConnectionOptions } from 'node:tls';
import type { BigQuery } from '@google-cloud/bigquery';
import type { LogLine } from './output/log-line.ts';

/** Which log lines to read. */
export type LogRequest = {
  view: string | undefined;
  /** The lowest severity. */
  level: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';
  since: Date;
  /** The newest lines, at most. */
  limit: number;
  /** Goes on with new lines until the caller stops. */
  follow: boolean;
};

/** A database, and how a connection to it is encrypted. */
export type SourceAddress = { url: string; tls: ConnectionOptions | false };

/** What the commands act on: the stack of a running `npm start`, or an installation in the cloud. */
export interface Installation {
  /** For people: where it is. */
  readonly name: string;
  /** Who asks, where the function cannot know it from the call. */
  readonly by: string | null;
  /** Calls a function by hand and returns its answer. Throws `RefusedByFunction`, and `CommandError` if there is no answer. */
  call(functionName: 'extract' | 'reconcile', payload: object): Promise<object>;
  /** BigQuery with the rights of the caller, and the dataset of the targets. */
  openWarehouse(): Promise<{ bigquery: BigQuery; targetDataset: string }>;
  /** The source as its reader role; null if only the functions reach it. */
  readonly source: SourceAddress | null;
  /** The functions' log lines, the oldest first. */
  logs(request: LogRequest): AsyncIterable<LogLine>;
}

import type { Clock } from './clock.ts';
import { BigQueryError, type ErrorProto } from './error.ts';
import type { TableReference } from './names.ts';
import type { QueryResult } from './results.ts';

export interface JobReference {
  readonly projectId: string;
  readonly jobId: string;
  readonly location: string;
}

/** A named parameter, a value or an array of values: https://cloud.google.com/bigquery/docs/reference/rest/v2/QueryParameter */
export interface QueryParameter {
  readonly name: string;
  readonly parameterType: {
    readonly type: string;
    readonly arrayType?: { readonly type: string } | undefined;
  };
  readonly parameterValue: {
    readonly value?: string | undefined;
    readonly arrayValues?: readonly { readonly value: string }[] | undefined;
  };
}

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobconfigurationquery */
export interface QueryConfiguration {
  readonly query: string;
  readonly useLegacySql?: boolean;
  readonly defaultDataset?: { readonly projectId?: string; readonly datasetId: string };
  readonly queryParameters?: readonly QueryParameter[];
  readonly destinationTable?: TableReference;
  readonly createSession?: boolean;
  readonly maximumBytesBilled?: string;
}

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobconfigurationload */
export interface LoadConfiguration {
  readonly sourceUris?: readonly string[];
  readonly destinationTable?: TableReference;
  readonly sourceFormat?: string;
  readonly schema?: object;
  readonly writeDisposition?: string;
  readonly maxBadRecords?: number;
  readonly ignoreUnknownValues?: boolean;
  readonly autodetect?: boolean;
  readonly useAvroLogicalTypes?: boolean;
  readonly decimalTargetTypes?: readonly string[];
}

export interface JobConfiguration {
  readonly query?: QueryConfiguration;
  readonly load?: LoadConfiguration;
  readonly dryRun?: boolean;
  readonly jobTimeoutMs?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface DmlStats {
  readonly insertedRowCount: string;
  readonly updatedRowCount: string;
  readonly deletedRowCount: string;
}

/** What a query job has done; grows while it runs. */
export interface QueryStatistics {
  statementType?: string;
  totalBytesProcessed?: string;
  totalBytesBilled?: string;
  dmlStats?: DmlStats;
  numDmlAffectedRows?: string;
  ddlOperationPerformed?: string;
  referencedTables?: readonly TableReference[];
}

export interface LoadStatistics {
  inputFiles: string;
  inputFileBytes: string;
  outputRows: string;
  outputBytes: string;
  badRecords: string;
}

/** Everything that the emulator knows about a job, in a form that survives a restart. */
export interface JobRecord {
  readonly reference: JobReference;
  readonly configuration: JobConfiguration;
  readonly parentJobId?: string;
  readonly creationTime: number;
  startTime?: number;
  endTime?: number;
  state: 'PENDING' | 'RUNNING' | 'DONE';
  errorResult?: ErrorProto;
  /** `errorResult` and further errors. */
  errors?: readonly ErrorProto[];
  query?: QueryStatistics;
  load?: LoadStatistics;
  result?: QueryResult;
  numChildJobs?: number;
  /** Set for child jobs: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#scriptstatistics */
  evaluationKind?: 'STATEMENT';
}

/** A job in the memory of the emulator: its record, its end, and a way to stop it. */
export class Job {
  #record: JobRecord;
  readonly #clock: Clock;
  readonly #ended = Promise.withResolvers<void>();
  readonly #stop = new AbortController();

  constructor(record: JobRecord, clock: Clock) {
    this.#record = record;
    this.#clock = clock;
    if (record.state === 'DONE') this.#ended.resolve();
  }

  get record(): JobRecord {
    return this.#record;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Aborts when the job must stop; the reason is a BigQueryError. */
  get stopSignal(): AbortSignal {
    return this.#stop.signal;
  }

  get done(): boolean {
    return this.record.state === 'DONE';
  }

  start(): void {
    this.record.state = 'RUNNING';
    this.record.startTime = this.#clock.startMs();
  }

  /** Asks the job to end. Without effect if it has ended. */
  stop(message: string): void {
    this.#stop.abort(new BigQueryError('stopped', message));
  }

  /** The record of the job if it ended now, to be saved before clients can see it. */
  endingWith(error?: BigQueryError): JobRecord {
    const { result, ...record } = this.record;
    const ended = { ...record, state: 'DONE', endTime: this.#clock.endMs() } as const;
    if (!error) return { ...ended, ...(result && { result }) };
    const errorResult = error.toProto();
    return { ...ended, errorResult, errors: [errorResult, ...error.details] };
  }

  end(record: JobRecord): void {
    this.#record = record;
    this.#ended.resolve();
  }
}

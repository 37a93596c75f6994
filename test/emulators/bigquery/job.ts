import type { TableSettings } from './catalog.ts';
import { BigQueryError, type ErrorProto } from './error.ts';
import type { SchemaField } from './field.ts';
import type { TableReference } from './names.ts';
import type { QueryResult } from './results.ts';

export interface JobReference {
  readonly projectId: string;
  readonly jobId: string;
  readonly location: string;
}

/** A query parameter in REST form: https://cloud.google.com/bigquery/docs/reference/rest/v2/QueryParameter */
export interface QueryParameter {
  readonly name?: string;
  readonly parameterType: ParameterType;
  readonly parameterValue?: ParameterValue;
}

export interface ParameterType {
  readonly type: string;
  readonly arrayType?: ParameterType;
  readonly structTypes?: readonly { readonly name?: string; readonly type: ParameterType }[];
}

export interface ParameterValue {
  readonly value?: string | null;
  readonly arrayValues?: readonly ParameterValue[];
  readonly structValues?: Readonly<Record<string, ParameterValue>>;
}

export interface QueryConfiguration {
  readonly query: string;
  readonly useLegacySql?: boolean;
  readonly defaultDataset?: { readonly projectId?: string; readonly datasetId: string };
  readonly queryParameters?: readonly QueryParameter[];
  readonly parameterMode?: string;
  readonly destinationTable?: TableReference;
  readonly writeDisposition?: string;
  readonly createSession?: boolean;
}

export interface LoadConfiguration {
  readonly sourceUris?: readonly string[];
  readonly destinationTable?: TableReference;
  readonly sourceFormat?: string;
  readonly schema?: { readonly fields?: readonly SchemaField[] };
  readonly writeDisposition?: string;
  readonly createDisposition?: string;
  readonly maxBadRecords?: number;
  readonly ignoreUnknownValues?: boolean;
  readonly autodetect?: boolean;
  readonly timePartitioning?: TableSettings['timePartitioning'];
  readonly clustering?: TableSettings['clustering'];
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

/** The statistics of a query job, filled in while it runs. */
export interface QueryStatistics {
  statementType?: string;
  totalBytesProcessed?: string;
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

/** The stored state of a job, in a form that survives a restart. */
export interface JobRecord {
  readonly reference: JobReference;
  readonly configuration: JobConfiguration;
  readonly parentJobId?: string;
  readonly creationTime: number;
  startTime?: number;
  endTime?: number;
  state: 'PENDING' | 'RUNNING' | 'DONE';
  errorResult?: ErrorProto;
  /** The `errorResult` and further details. */
  errors?: readonly ErrorProto[];
  query?: QueryStatistics;
  load?: LoadStatistics;
  result?: QueryResult;
  numChildJobs?: number;
  /** Whether a child job runs a statement or evaluates an expression of a script. */
  evaluationKind?: 'STATEMENT' | 'EXPRESSION';
}

/** A job in memory: its record, a promise of its end, and a signal to stop it. */
export class Job {
  #record: JobRecord;
  readonly #ended = Promise.withResolvers<void>();
  readonly #stop = new AbortController();

  constructor(record: JobRecord) {
    this.#record = record;
    if (record.state === 'DONE') this.#ended.resolve();
  }

  get record(): JobRecord {
    return this.#record;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Aborted, with a BigQueryError as the reason, when the job must stop. */
  get stopSignal(): AbortSignal {
    return this.#stop.signal;
  }

  get done(): boolean {
    return this.record.state === 'DONE';
  }

  start(): void {
    this.record.state = 'RUNNING';
    this.record.startTime = Date.now();
  }

  /** Asks the job to end; it may have ended already. */
  stop(message: string): void {
    this.#stop.abort(new BigQueryError('stopped', message));
  }

  /** Returns the record of the job if it ended now with this error, so that it can be saved before a client sees it. */
  endingWith(error?: BigQueryError): JobRecord {
    const { result, ...record } = this.record;
    const ended = { ...record, state: 'DONE', endTime: Date.now() } as const;
    if (!error) return { ...ended, ...(result && { result }) };
    const errorResult = error.toProto();
    return { ...ended, errorResult, errors: [errorResult, ...error.details] };
  }

  end(record: JobRecord): void {
    this.#record = record;
    this.#ended.resolve();
  }
}

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

/** A query parameter as the REST interface has it. */
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

/** What is known of a query job's effect; grows while it runs. */
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

/** Everything that is kept of a job, in a form that survives a restart. */
export interface JobRecord {
  readonly reference: JobReference;
  readonly configuration: JobConfiguration;
  readonly parentJobId?: string;
  readonly creationTime: number;
  startTime?: number;
  endTime?: number;
  state: 'PENDING' | 'RUNNING' | 'DONE';
  errorResult?: ErrorProto;
  /** The result and what else is told of it. */
  errors?: readonly ErrorProto[];
  query?: QueryStatistics;
  load?: LoadStatistics;
  result?: QueryResult;
  numChildJobs?: number;
  /** Set for the child jobs that only evaluate an expression of a script. */
  evaluationKind?: 'STATEMENT' | 'EXPRESSION';
}

/** A job while its process lives: the record, its end, and the wish to stop it. */
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

  /** Aborted, with a BigQueryError as the reason, when the job shall stop. */
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

  /** What the record will be when the job has ended like this, now; for writing it down before anybody sees it. */
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

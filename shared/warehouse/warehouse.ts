import { createHash } from 'node:crypto';
import type { Deadline } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import type { TableShape } from '../model/columns.ts';
import type { RowsUntil } from './append-rows.ts';
import { type Attempt, contextOf, labelsOf } from './attempt.ts';
import { columnDifferences, type TableField } from './columns-match.ts';
import {
  jobId,
  labelValue,
  type RecordUsage,
  reportingUsage,
  resultRows,
  runJob,
  runJobToCompletion,
  runJobWithRetries,
} from './job.ts';
import { loadError, loadSpec } from './load-job.ts';
import { countsOf, type MergeOutcome, mergeFailure } from './merge-outcome.ts';
import { type Datasets, type ObjectNames, objectNames } from './names.ts';
import { callSql, procedureSql } from './procedure-sql.ts';
import { createStreamTarget, type OpenBigQuery, type OpenWriterClient } from './stream-target.ts';
import {
  type Layout,
  ledgerSql,
  reportingViewSql,
  TEMP_COLUMNS,
  targetColumns,
  targetStateSql,
  targetTableSql,
  tempTableSql,
} from './tables-sql.ts';

export type { Attempt, Layout, MergeOutcome, RowsUntil };

/** What a view's tables already contain: the highest batch id (0 for none), and the number of rows that are not deleted. */
export type TargetState = { highestBatchId: bigint; targetRows: bigint };

export type Warehouse = ReturnType<typeof createWarehouse>;

/** The part of a table's metadata that is compared: its columns and its declared primary key. */
type FoundTable = { fields: TableField[]; primaryKey: string[] };

/**
 * The operations on BigQuery that batches need. Every error is classified. Every job has a deterministic id, a location, labels and a
 * time-out. Rows that are not acknowledged within `callTimeoutSeconds` are appended again. Clients are opened at their first use. `recordUsage` gets
 * what each job used.
 */
export function createWarehouse(
  openClient: OpenBigQuery,
  openWriterClient: OpenWriterClient,
  datasets: Datasets,
  callTimeoutSeconds = 60,
  recordUsage: RecordUsage = async () => undefined,
) {
  const openBigQuery = async () => reportingUsage(await openClient(), recordUsage);
  const namesOf = (target: string): ObjectNames => objectNames(datasets, { target });
  // Job ids are unique in the project. The dataset in them separates two installations that share a project.
  const nameOf = (step: string, ...parts: (string | number | bigint)[]): string =>
    jobId(step, datasets.target, ...parts);

  return {
    ...createStreamTarget({
      ...{ openBigQuery, openWriterClient, datasets, nameOf },
      answerTimeoutMs: callTimeoutSeconds * 1000,
      tableExists: async (name) => (await findTable(name)) !== null,
    }),

    /** A hash that changes when any statement that creates the view's objects changes. */
    fingerprint(shape: TableShape, layout: Layout): string {
      return createHash('sha256')
        .update(objectsSql(datasets, shape, layout))
        .digest('hex')
        .slice(0, 16);
    },

    /**
     * Creates the view's missing tables, its procedure and its reporting view in one job, and returns what the tables contain. Safe to repeat
     * under another `runName`.
     */
    async makeObjects(
      shape: TableShape,
      layout: Layout,
      runName: string,
      deadline: Deadline,
    ): Promise<TargetState> {
      const context = { view: shape.view };
      const query = objectsSql(datasets, shape, layout);
      const job = await runJobToCompletion(await openBigQuery(), deadline, (jobAttempt) => ({
        id: nameOf('objects', shape.view, runName, jobAttempt),
        configuration: { query: { query, useLegacySql: false } },
        labels: { view: labelValue(shape.view), step: 'objects' },
        context,
      }));
      const [row] = await resultRows(job, context);
      return {
        highestBatchId: BigInt(String(row?.highest ?? 0)),
        targetRows: BigInt(String(row?.target_rows ?? 0)),
      };
    },

    /**
     * Compares the columns of the target, and of a merge view's temp table, with the view's. For a streamed target it also compares the
     * primary key, by which BigQuery finds rows. Returns the tables that do not exist. Throws `schema_drift` naming every difference.
     */
    async missingTables(shape: TableShape): Promise<('temp' | 'target')[]> {
      const names = namesOf(shape.target);
      const tables = shape.loadType === 'merge' ? (['temp', 'target'] as const) : (['target'] as const);
      const found = await Promise.all(
        tables.map(async (table) => compare(table, names[table], shape, await findTable(names[table]))),
      );
      const differences = found.flatMap((table) => table.differences);
      if (differences.length > 0) {
        throw new DataHubError('schema_drift', `view ${shape.view}: ${differences.join('; ')}`, {
          context: { view: shape.view },
        });
      }
      return found.filter((table) => table.isMissing).map((table) => table.table);
    },

    /** Returns the location of a dataset, or null when it does not exist. */
    async datasetLocation(dataset: string): Promise<string | null> {
      const bigquery = await openBigQuery();
      try {
        const [metadata] = await bigquery.dataset(dataset).getMetadata();
        return String(metadata.location);
      } catch (error) {
        if (codeOf(error) === 404) return null;
        throw fromGoogle(error, `dataset ${dataset}`);
      }
    },

    /**
     * Appends the staged objects to the temp table, all or none. Returns the load job's id, or null when the job outlives the deadline; the
     * next call finds it by its id. Throws `staging_lost` when a staged object is gone.
     */
    async load(attempt: Attempt, uris: string[], deadline: Deadline): Promise<string | null> {
      const outcome = await runJobWithRetries(await openBigQuery(), deadline, (jobAttempt) =>
        loadSpec(
          nameOf('load', attempt.view, attempt.etlTransactionId, attempt.attempt, jobAttempt),
          attempt,
          { sourceUris: uris, table: namesOf(attempt.target).temp, writeDisposition: 'WRITE_APPEND' },
        ),
      ).catch((error: unknown) => {
        throw loadError(error);
      });
      return outcome.state === 'done' ? outcome.id : null;
    },

    mergeJobId: ({
      view,
      etlTransactionId,
      attempt,
    }: Pick<Attempt, 'view' | 'etlTransactionId' | 'attempt'>): string =>
      nameOf('merge', view, etlTransactionId, attempt),

    /** Calls the view's procedure, or finds the job of an earlier call, and waits for its end until the deadline. */
    async merge(attempt: Attempt, rows: bigint, deadline: Deadline): Promise<MergeOutcome> {
      const bigquery = await openBigQuery();
      const outcome = await runJob(bigquery, mergeSpec(attempt, rows), deadline).catch((error: unknown) => {
        if (error instanceof DataHubError && error.kind === 'batch_id_collision') {
          return { state: 'batch_id_collision', error } as const;
        }
        throw error;
      });
      switch (outcome.state) {
        case 'running':
        case 'batch_id_collision':
          return outcome;
        case 'done': {
          const [row] = await resultRows(outcome.job, contextOf(attempt));
          return { state: 'applied', counts: countsOf(row, attempt) };
        }
        case 'failed':
          return mergeFailure(outcome, attempt);
      }
    },
  };

  async function findTable(name: string): Promise<FoundTable | null> {
    const bigquery = await openBigQuery();
    const [, dataset = '', table = ''] = name.split('.');
    try {
      const [metadata] = await bigquery.dataset(dataset).table(table).getMetadata();
      return {
        fields: metadata.schema?.fields ?? [],
        primaryKey: metadata.tableConstraints?.primaryKey?.columns ?? [],
      };
    } catch (error) {
      if (codeOf(error) === 404) return null;
      throw fromGoogle(error, `table ${name}`);
    }
  }

  function mergeSpec(attempt: Attempt, rows: bigint) {
    const parameter = (name: string, value: bigint) => ({
      name,
      parameterType: { type: 'INT64' },
      parameterValue: { value: String(value) },
    });
    return {
      id: nameOf('merge', attempt.view, attempt.etlTransactionId, attempt.attempt),
      configuration: {
        query: {
          query: callSql(datasets, attempt),
          useLegacySql: false,
          parameterMode: 'NAMED',
          queryParameters: [parameter('batch_id', attempt.etlTransactionId), parameter('batch_rows', rows)],
        },
      },
      labels: labelsOf(attempt, 'merge'),
      context: contextOf(attempt),
    };
  }
}

/** Returns one script that creates everything a view needs in BigQuery. Its last statement selects what the tables contain. */
export function objectsSql(datasets: Datasets, shape: TableShape, layout: Layout): string {
  const target = targetTableSql(datasets, shape, layout);
  const reports = reportingViewSql(datasets, shape, layout);
  const state = targetStateSql(datasets, shape);
  const statements =
    shape.loadType === 'merge'
      ? [
          ledgerSql(datasets),
          tempTableSql(datasets, shape),
          target,
          procedureSql(datasets, shape),
          reports,
          state,
        ]
      : [target, reports, state];
  return statements.join('\n');
}

function compare(table: 'temp' | 'target', name: string, shape: TableShape, found: FoundTable | null) {
  const expected = table === 'temp' ? [...shape.columns, ...TEMP_COLUMNS] : targetColumns(shape);
  const differences = found === null ? [] : columnDifferences(expected, found.fields);
  const key = found?.primaryKey.join(', ') ?? '';
  if (found !== null && shape.loadType === 'bq-storage-api' && key !== shape.keyColumn) {
    differences.push(
      key === ''
        ? `the primary key ${shape.keyColumn} is not declared`
        : `the primary key is ${key} instead of ${shape.keyColumn}`,
    );
  }
  return {
    table,
    isMissing: found === null,
    differences: differences.map((difference) => `table ${name}: ${difference}`),
  };
}

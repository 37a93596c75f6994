import { createHash } from 'node:crypto';
import type { Deadline } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import type { TableShape } from '../model/columns.ts';
import type { RowsUntil } from './append-rows.ts';
import { type Attempt, contextOf, labelsOf } from './attempt.ts';
import { columnDifferences, type TableField } from './columns-match.ts';
import { jobId, labelValue, resultRows, runJob, runJobToCompletion, runJobWithRetries } from './job.ts';
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

/** What a view's warehouse has met before: the highest batch number (0 for none), and the rows that are not deleted. */
export type TargetState = { highestBatchId: bigint; targetRows: bigint };

export type Warehouse = ReturnType<typeof createWarehouse>;

/** What is asked of a table: its columns and the key that it declares. */
type FoundTable = { fields: TableField[]; primaryKey: string[] };

/**
 * BigQuery, as far as batches need it. Every error is classified; every job has a name, a location, labels and a time limit.
 * Rows that are not acknowledged within `callTimeoutSeconds` are appended again. Clients are opened when they are first needed.
 */
export function createWarehouse(
  openBigQuery: OpenBigQuery,
  openWriterClient: OpenWriterClient,
  datasets: Datasets,
  callTimeoutSeconds = 60,
) {
  const namesOf = (target: string): ObjectNames => objectNames(datasets, { target });
  // Jobs are the project's: with the dataset, two installations in one project keep apart.
  const nameOf = (step: string, ...parts: (string | number | bigint)[]): string =>
    jobId(step, datasets.target, ...parts);

  return {
    ...createStreamTarget({
      ...{ openBigQuery, openWriterClient, datasets, nameOf },
      answerTimeoutMs: callTimeoutSeconds * 1000,
      tableExists: async (name) => (await findTable(name)) !== null,
    }),

    /** Changes when any statement that makes the view's objects does. */
    fingerprint(shape: TableShape, layout: Layout): string {
      return createHash('sha256')
        .update(objectsSql(datasets, shape, layout))
        .digest('hex')
        .slice(0, 16);
    },

    /**
     * Makes what is missing of the view's tables, procedure and reporting view, in one job, and answers the highest batch
     * number that the target has met (0 for a new one). Safe to repeat under another `runName`.
     */
    async makeObjects(
      shape: TableShape,
      layout: Layout,
      runName: string,
      deadline: Deadline,
    ): Promise<TargetState> {
      const context = { view: shape.view };
      const query = objectsSql(datasets, shape, layout);
      const job = await runJobToCompletion(await openBigQuery(), deadline, (tries) => ({
        id: nameOf('objects', shape.view, runName, tries),
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
     * Compares the columns of the target (of a merge view: and the temp table) with the view's, and of a streamed target its
     * key, by which BigQuery finds the row. Answers which tables do not exist; throws `schema_drift` naming every difference.
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

    /** Where a dataset is; null when it does not exist. */
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
     * Appends the staged objects to the temp table, all or none, and answers the load job's id; null for one that outlives the
     * deadline, which the next call finds by its name.
     */
    async load(attempt: Attempt, uris: string[], deadline: Deadline): Promise<string | null> {
      const outcome = await runJobWithRetries(await openBigQuery(), deadline, (tries) =>
        loadSpec(
          nameOf('load', attempt.view, attempt.etlTransactionId, attempt.attempt, tries),
          attempt,
          uris,
          namesOf(attempt.target).temp,
          'WRITE_APPEND',
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

    /** Calls the view's procedure, or finds the call that was made before, and waits for its end until the deadline. */
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

/** Everything that a view needs in BigQuery, as one script whose last statement answers the highest batch number. */
export function objectsSql(datasets: Datasets, shape: TableShape, layout: Layout): string {
  const target = targetTableSql(datasets, shape, layout);
  const reports = reportingViewSql(datasets, shape, layout);
  const metBefore = targetStateSql(datasets, shape);
  const statements =
    shape.loadType === 'merge'
      ? [
          ledgerSql(datasets),
          tempTableSql(datasets, shape),
          target,
          procedureSql(datasets, shape),
          reports,
          metBefore,
        ]
      : [target, reports, metBefore];
  return statements.join('\n');
}

function compare(table: 'temp' | 'target', name: string, shape: TableShape, found: FoundTable | null) {
  const expected = table === 'temp' ? [...shape.columns, ...TEMP_COLUMNS] : targetColumns(shape);
  const differences = found === null ? [] : columnDifferences(expected, found.fields);
  const key = found?.primaryKey.join(', ') ?? '';
  if (found !== null && shape.loadType === 'bq-storage-api' && key !== shape.keyColumn) {
    differences.push(
      key === ''
        ? `no primary key is declared, but rows are written by ${shape.keyColumn}`
        : `the primary key is ${key} instead of ${shape.keyColumn}`,
    );
  }
  return {
    table,
    isMissing: found === null,
    differences: differences.map((difference) => `table ${name}: ${difference}`),
  };
}

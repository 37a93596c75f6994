import { createHash } from 'node:crypto';
import type { BigQuery, Job } from '@google-cloud/bigquery';
import type { TableShape } from '../columns.ts';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google-errors.ts';
import { columnDifferences, type TableField } from './columns-match.ts';
import { type JobSpec, jobId, runJob, TOKEN_LABEL } from './job.ts';
import { type Attempt, contextOf, countsOf, type MergeOutcome, mergeFailure } from './merge-outcome.ts';
import { type Datasets, type ObjectNames, objectNames } from './names.ts';
import { callSql, procedureSql } from './procedure-sql.ts';
import {
  type Layout,
  ledgerSql,
  metBeforeSql,
  reportingViewSql,
  TARGET_COLUMNS,
  TEMP_COLUMNS,
  targetTableSql,
  tempTableSql,
} from './tables-sql.ts';

export type { Attempt, Layout, MergeOutcome };

/** What a view's warehouse has met before: the highest batch number (0 for none), and the rows that are not deleted. */
export type MetBefore = { highest: bigint; targetRows: bigint };

export type Warehouse = ReturnType<typeof createWarehouse>;

const JOB_TRIES = 3;

/** BigQuery, as far as batches need it. Every error is classified; every job has a name, a location, labels and a time limit. */
export function createWarehouse(bigquery: BigQuery, datasets: Datasets) {
  const namesOf = (target: string): ObjectNames => objectNames(datasets, { target });
  // Jobs are the project's: with the dataset, two installations in one project keep apart.
  const nameOf = (step: string, ...parts: (string | number | bigint)[]): string =>
    jobId(step, datasets.target, ...parts);

  return {
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
      deadlineMs: number,
    ): Promise<MetBefore> {
      const context = { view: shape.view };
      const query = objectsSql(datasets, shape, layout);
      const { job } = await triedJob(deadlineMs, (tries) => ({
        id: nameOf('objects', shape.view, runName, tries),
        configuration: { query: { query, useLegacySql: false } },
        labels: { view: shape.view, step: 'objects' },
        context,
      }));
      const [row] = await resultRows(job, context);
      return {
        highest: BigInt(String(row?.highest ?? 0)),
        targetRows: BigInt(String(row?.target_rows ?? 0)),
      };
    },

    /**
     * Compares the columns of temp and target table with the view's. Answers the names of tables that do not exist; throws
     * `schema_drift` naming every difference.
     */
    async missingTables(shape: TableShape): Promise<('temp' | 'target')[]> {
      const names = namesOf(shape.target);
      const found = await Promise.all([
        tableFields(names.temp).then((fields) => compare('temp', names.temp, shape, fields)),
        tableFields(names.target).then((fields) => compare('target', names.target, shape, fields)),
      ]);
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
      try {
        const [metadata] = await bigquery.dataset(dataset).getMetadata();
        return String(metadata.location);
      } catch (error) {
        if (codeOf(error) === 404) return null;
        throw fromGoogle(error, `dataset ${dataset}`);
      }
    },

    /** Appends the staged objects to the temp table, all or none, and answers the load job's id. */
    async load(attempt: Attempt, uris: string[], deadlineMs: number): Promise<string> {
      const { id } = await triedJob(deadlineMs, (tries) =>
        loadSpec(
          nameOf('load', attempt.view, attempt.etlTransactionId, attempt.attempt, tries),
          attempt,
          uris,
        ),
      ).catch((error: unknown) => {
        throw loadError(error);
      });
      return id;
    },

    mergeJobId: ({
      view,
      etlTransactionId,
      attempt,
    }: Pick<Attempt, 'view' | 'etlTransactionId' | 'attempt'>): string =>
      nameOf('merge', view, etlTransactionId, attempt),

    /** Calls the view's procedure, or finds the call that was made before, and waits for its end until the deadline. */
    async merge(attempt: Attempt, rows: bigint, deadlineMs: number): Promise<MergeOutcome> {
      const outcome = await runJob(bigquery, mergeSpec(attempt, rows), deadlineMs).catch((error: unknown) => {
        if (error instanceof DataHubError && error.kind === 'number_reused') {
          return { state: 'number_reused', error } as const;
        }
        throw error;
      });
      switch (outcome.state) {
        case 'running':
        case 'number_reused':
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

  /**
   * Runs a job to its end. A try that failed for a reason that passes is followed by another under a name of its own, which is
   * only started when the one before is known to have failed: two tries never both succeed.
   */
  async function triedJob(
    deadlineMs: number,
    specOf: (tries: number) => JobSpec,
  ): Promise<{ id: string; job: Job }> {
    for (let tries = 1; ; tries += 1) {
      const spec = specOf(tries);
      const outcome = await runJob(bigquery, spec, deadlineMs);
      if (outcome.state === 'done') return { id: spec.id, job: outcome.job };
      if (outcome.state === 'running') {
        throw new DataHubError('transient', `job ${spec.id} is still running`, { context: spec.context });
      }
      if (outcome.error.kind !== 'transient' || tries === JOB_TRIES) throw outcome.error;
    }
  }

  async function tableFields(name: string): Promise<TableField[] | null> {
    const [, dataset = '', table = ''] = name.split('.');
    try {
      const [metadata] = await bigquery.dataset(dataset).table(table).getMetadata();
      return (metadata.schema?.fields ?? []) as TableField[];
    } catch (error) {
      if (codeOf(error) === 404) return null;
      throw fromGoogle(error, `table ${name}`);
    }
  }

  function loadSpec(id: string, attempt: Attempt, sourceUris: string[]) {
    const [projectId, datasetId, tableId] = namesOf(attempt.target).temp.split('.');
    return {
      id,
      configuration: {
        load: {
          sourceUris,
          sourceFormat: 'NEWLINE_DELIMITED_JSON',
          destinationTable: { projectId, datasetId, tableId },
          createDisposition: 'CREATE_NEVER',
          writeDisposition: 'WRITE_APPEND',
          ignoreUnknownValues: false,
          maxBadRecords: 0,
        },
      },
      labels: labelsOf(attempt, 'load'),
      context: contextOf(attempt),
    };
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
  return [
    ledgerSql(datasets),
    tempTableSql(datasets, shape),
    targetTableSql(datasets, shape, layout),
    procedureSql(datasets, shape),
    reportingViewSql(datasets, shape, layout),
    metBeforeSql(datasets, shape),
  ].join('\n');
}

function compare(table: 'temp' | 'target', name: string, shape: TableShape, fields: TableField[] | null) {
  const expected = [...shape.columns, ...(table === 'temp' ? TEMP_COLUMNS : TARGET_COLUMNS)];
  const differences = fields === null ? [] : columnDifferences(expected, fields);
  return {
    table,
    isMissing: fields === null,
    differences: differences.map((difference) => `table ${name}: ${difference}`),
  };
}

const labelsOf = ({ view, etlTransactionId, token }: Attempt, step: string) => ({
  view,
  step,
  [TOKEN_LABEL]: token,
  'etl-transaction': String(etlTransactionId),
});

async function resultRows(job: Job, context: { view: string }): Promise<Record<string, unknown>[]> {
  const [rows] = await job.getQueryResults({ wrapIntegers: true }).catch((error: unknown) => {
    throw fromGoogle(error, `results of job ${job.id}`, context);
  });
  return (rows as Record<string, { value: string }>[]).map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, cell?.value])),
  );
}

/** A staged object that is gone fails the load with `notFound`. */
function loadError(error: unknown): unknown {
  if (!(error instanceof DataHubError) || error.context.code !== 'notFound') return error;
  return new DataHubError('staging_lost', error.message, { context: error.context, cause: error });
}

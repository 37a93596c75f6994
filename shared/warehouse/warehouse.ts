import { createHash } from 'node:crypto';
import type { Deadline } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import type { Column, TableShape } from '../model/columns.ts';
import type { TargetSnapshot } from '../model/target-snapshot.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { RowsUntil } from './append-rows.ts';
import { type Attempt, contextOf, labelsOf } from './attempt.ts';
import { columnChanges } from './columns-match.ts';
import { createRowComparison } from './compare-rows.ts';
import { createRowCount } from './count-rows.ts';
import { type Evolution, planEvolution, type TableChanges } from './evolution.ts';
import { jobExists } from './find-job.ts';
import { type FoundTable, findTable } from './found-table.ts';
import { resultRows } from './job-results.ts';
import { type RecordUsage, reportingUsage } from './job-usage.ts';
import { type Load, loadError, loadSpec, locationOf } from './load-job.ts';
import { appliedMerge, type MergeOutcome, mergeFailure } from './merge-outcome.ts';
import { type Datasets, jobId, type ObjectNames, objectNames } from './names.ts';
import type { PolicyTags } from './policy-tags.ts';
import { callSql, procedureSql } from './procedure-sql.ts';
import { createPurge } from './purge.ts';
import { createTargetReader, type TargetState } from './read-target.ts';
import { createTargetReplacement } from './replace-target.ts';
import { replacementName } from './replacement-sql.ts';
import { createReportingView } from './reporting-view.ts';
import { runJob, runJobToCompletion, runJobWithRetries } from './run-job.ts';
import { createStreamTarget, type OpenBigQuery, type OpenWriterClient } from './stream-target.ts';
import {
  deletesSql,
  type Layout,
  ledgerSql,
  ledgerUpgradeSql,
  reportingViewSql,
  TEMP_COLUMNS,
  targetColumns,
  targetStateSql,
  targetTableSql,
  tempTableSql,
} from './tables-sql.ts';
import { createTargetSettings } from './target-settings.ts';
import { snapshotOf } from './target-snapshot.ts';
import { tryObjects } from './try-objects.ts';
import { type UnfitSetting, unfitSettings } from './unfit-settings.ts';

export type { Attempt, Evolution, Layout, MergeOutcome, PolicyTags, RowsUntil, UnfitSetting };

/** A view's objects in BigQuery. `dropped` are the columns of the target that the view does not have any more. */
export type ViewObjects = { shape: TableShape; layout: Layout; dropped: readonly Column[] };

/** A view's objects, and how its existing tables must change. */
export type EvolvingObjects = Omit<ViewObjects, 'dropped'> & {
  evolution: Evolution;
  /** The columns that the reporting view does not show yet, since old rows have no values in them. */
  hidden?: readonly Column[];
};

/** The tables that do not exist, those whose columns differ from the view's, and the target as it is. */
export type Comparison = {
  missing: ('ledger' | 'temp' | 'target')[];
  changed: TableChanges[];
  target: FoundTable | null;
};

export type Warehouse = ReturnType<typeof createWarehouse>;

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
      tableExists: async (name) => (await findTable(await openBigQuery(), name)) !== null,
    }),
    ...createPurge({
      ...{ openBigQuery, datasets, nameOf },
      findTable: async (name) => await findTable(await openBigQuery(), name),
    }),
    ...createTargetReplacement(openBigQuery, datasets, nameOf),
    ...createTargetSettings(openBigQuery, datasets, nameOf),
    ...createRowComparison(openBigQuery, datasets, nameOf),
    ...createReportingView(openBigQuery, datasets),
    ...createTargetReader(openBigQuery, datasets, nameOf),
    ...createRowCount(openBigQuery, datasets, nameOf),

    /** A hash that changes when any statement that creates the view's objects changes. */
    fingerprint(objects: ViewObjects): string {
      return createHash('sha256').update(objectsSql(datasets, objects)).digest('hex').slice(0, 16);
    },

    /**
     * Creates the view's missing tables, changes those that `evolution` names, and creates its procedure and its reporting view, in one job.
     * Returns what the tables contain. Safe to repeat under another `runName`.
     */
    async makeObjects(
      { shape, layout, evolution, hidden = [] }: EvolvingObjects,
      runName: string,
      deadline: Deadline,
    ): Promise<TargetState> {
      const context = { view: shape.view };
      // Not a part of every script: BigQuery limits how often a table is altered, and all views share the ledger.
      const ledger =
        shape.loadType === 'merge'
          ? await findTable(await openBigQuery(), namesOf(shape.target).ledger)
          : null;
      const isOld = ledger !== null && !ledger.fields.some(({ name }) => name === 'unchanged');
      const query = [
        ...(isOld ? [ledgerUpgradeSql(datasets)] : []),
        ...evolution.statements,
        objectsSql(datasets, { shape, layout, dropped: evolution.dropped }, hidden),
      ].join('\n');
      const job = await runJobToCompletion(await openBigQuery(), deadline, (jobAttempt) => ({
        id: nameOf('objects', shape.view, runName, jobAttempt),
        configuration: { query: { query, useLegacySql: false } },
        labels: { view: shape.view, step: 'objects' },
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
     * primary key, by which BigQuery finds rows. The ledger belongs to a merge.
     */
    async compareTables(shape: TableShape): Promise<Comparison> {
      const names = namesOf(shape.target);
      const isMerged = shape.loadType === 'merge';
      const tables = isMerged ? (['temp', 'target'] as const) : (['target'] as const);
      const bigquery = await openBigQuery();
      const [ledger, ...existing] = await Promise.all([
        isMerged ? findTable(bigquery, names.ledger) : null,
        ...tables.map((table) => findTable(bigquery, names[table])),
      ]);
      const found = tables.map((table, i) => compare(table, names[table], shape, existing[i] ?? null));
      const missing = tables.filter((_, i) => found[i] === null);
      return {
        missing: isMerged && ledger === null ? ['ledger', ...missing] : missing,
        changed: found.filter(
          (table) => table !== null && table.changes.length + table.faults.length > 0,
        ) as TableChanges[],
        target: existing.at(-1) ?? null,
      };
    },

    /** Compares the columns of the target with the view's; null if it does not exist. Reads nothing but the dataset of the targets. */
    async compareTarget(shape: TableShape): Promise<TableChanges | null> {
      const name = namesOf(shape.target).target;
      return compare('target', name, shape, await findTable(await openBigQuery(), name));
    },

    /** The target as it is, or the new one that has its rows, but not its name yet; null if there is neither. */
    async findTarget({ targetName }: Pick<ViewSource, 'targetName'>): Promise<FoundTable | null> {
      const [bigquery, { target }] = [await openBigQuery(), namesOf(targetName)];
      return (await findTable(bigquery, target)) ?? (await findTable(bigquery, replacementName(target)));
    },

    /** What the target is like now; null if it does not exist. */
    async snapshotTarget({
      targetName,
      loadType,
    }: Pick<ViewSource, 'targetName' | 'loadType'>): Promise<TargetSnapshot | null> {
      const found = await findTable(await openBigQuery(), namesOf(targetName).target);
      return found === null ? null : snapshotOf(found, loadType);
    },

    /** What must happen to the tables so that they fit the view; see `planEvolution`. */
    planEvolution: (
      { changed, target }: Comparison,
      { shape, layout }: Omit<ViewObjects, 'dropped'>,
      { knownColumns, unfilledColumns }: Pick<ViewSource, 'knownColumns' | 'unfilledColumns'>,
    ): Evolution =>
      planEvolution({
        ...{ tables: changed, target, shape, layout },
        known: knownColumns,
        settled: unfilledColumns,
      }),

    /** The settings of the view's datasets and tables that a load cannot live with; see `unfitSettings`. Changes nothing. */
    async unfitSettings(
      { shape, layout }: Pick<ViewObjects, 'shape' | 'layout'>,
      { remade }: Pick<Evolution, 'remade'>,
    ): Promise<UnfitSetting[]> {
      const isPartitioned = layout.partition !== null;
      return await unfitSettings(await openBigQuery(), datasets, { shape, isPartitioned, remade });
    },

    /** Checks the statements of `makeObjects` in dry runs; `fits` says whether the tables exist and fit the view. Throws what BigQuery refuses. */
    async tryObjects(shape: TableShape, layout: Layout, fits: boolean): Promise<void> {
      await tryObjects(await openBigQuery(), datasets, shape, layout, fits);
    },

    /** Returns the location of a dataset, or null when it does not exist. */
    async datasetLocation(dataset: string): Promise<string | null> {
      return await locationOf(await openBigQuery(), dataset);
    },

    /**
     * Appends the staged objects to the temp table, all or none. Returns the load job's id, or null when the job outlives the deadline; the
     * next call finds it by its id. Throws `staging_lost` when a staged object is gone.
     */
    async load(attempt: Attempt, uris: string[], deadline: Deadline): Promise<string | null> {
      const bigquery = await openBigQuery();
      const load: Load = {
        sourceUris: uris,
        table: namesOf(attempt.target).temp,
        writeDisposition: 'WRITE_APPEND',
      };
      const outcome = await runJobWithRetries(bigquery, deadline, (jobAttempt) =>
        loadSpec(
          nameOf('load', attempt.view, attempt.etlTransactionId, attempt.attempt, jobAttempt),
          attempt,
          load,
        ),
      ).catch(async (error: unknown) => {
        throw await loadError(error, bigquery, load);
      });
      return outcome.state === 'done' ? outcome.id : null;
    },

    /**
     * Counts what a complete batch would delete from a merged target, and its rows in the temp table. Each `runName` counts anew. Throws
     * `transient` when the job outlives the deadline.
     */
    async countDeletes(
      attempt: Attempt,
      keyColumn: string,
      runName: string,
      deadline: Deadline,
    ): Promise<{ rows: bigint; deletes: bigint; staged: bigint }> {
      const { target, etlTransactionId } = attempt;
      const query = deletesSql(datasets, { target, keyColumn }, etlTransactionId);
      const job = await runJobToCompletion(await openBigQuery(), deadline, (jobAttempt) => ({
        id: nameOf('deletes', attempt.view, etlTransactionId, attempt.attempt, runName, jobAttempt),
        configuration: { query: { query, useLegacySql: false } },
        labels: labelsOf(attempt, 'deletes'),
        context: contextOf(attempt),
      }));
      const [row] = await resultRows(job, contextOf(attempt));
      const count = (name: string) => BigInt(String(row?.[name]));
      return { rows: count('target_rows'), deletes: count('deletes'), staged: count('staged') };
    },

    mergeJobId: ({
      view,
      etlTransactionId,
      attempt,
    }: Pick<Attempt, 'view' | 'etlTransactionId' | 'attempt'>): string =>
      nameOf('merge', view, etlTransactionId, attempt),

    /** Whether the job of an attempt to merge a batch was started before. */
    async hasBegunMerge(attempt: Pick<Attempt, 'view' | 'etlTransactionId' | 'attempt'>): Promise<boolean> {
      const { view, etlTransactionId } = attempt;
      const id = nameOf('merge', view, etlTransactionId, attempt.attempt);
      return await jobExists(await openBigQuery(), id, { view, etlTransactionId });
    },

    /**
     * Calls the view's procedure, or finds the job of an earlier call, and waits for its end until the deadline. `rows` is the number of staged
     * rows, or EMPTY_VIEW.
     */
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
          return appliedMerge(row, attempt);
        }
        case 'failed':
          return mergeFailure(outcome, attempt);
      }
    },
  };

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

/**
 * Returns one script that creates everything a view needs in BigQuery. Its last statement selects what the tables contain. The reporting view
 * leaves the columns out that are `hidden`.
 */
export function objectsSql(
  datasets: Datasets,
  { shape, layout, dropped }: ViewObjects,
  hidden: readonly Column[] = [],
): string {
  const target = targetTableSql(datasets, shape, layout);
  const hiddenNames = new Set(hidden.map(({ name }) => name));
  const shown = { ...shape, columns: shape.columns.filter(({ name }) => !hiddenNames.has(name)) };
  const reports = reportingViewSql(datasets, shown, layout);
  const state = targetStateSql(datasets, shape);
  const statements =
    shape.loadType === 'merge'
      ? [
          ledgerSql(datasets),
          tempTableSql(datasets, shape),
          target,
          procedureSql(datasets, shape, layout, dropped),
          reports,
          state,
        ]
      : [target, reports, state];
  return statements.join('\n');
}

/** Compares a table with what the view needs; null if it does not exist. */
function compare(
  table: 'temp' | 'target',
  name: string,
  shape: TableShape,
  found: FoundTable | null,
): TableChanges | null {
  if (found === null) return null;
  const expected = table === 'temp' ? [...shape.columns, ...TEMP_COLUMNS] : targetColumns(shape);
  const key = found.primaryKey.join(', ');
  const faults: string[] = [];
  if (shape.loadType === 'bq-storage-api' && key !== shape.keyColumn) {
    faults.push(
      key === ''
        ? `the primary key ${shape.keyColumn} is not declared`
        : `the primary key is ${key} instead of ${shape.keyColumn}`,
    );
  }
  return { table, name, changes: columnChanges(expected, found.fields), faults };
}

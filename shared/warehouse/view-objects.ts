import { createHash } from 'node:crypto';
import type { Deadline } from '../deadline.ts';
import type { Column, TableShape } from '../model/columns.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import type { Evolution } from './evolution.ts';
import { findTable } from './found-table.ts';
import { resultRows } from './job-results.ts';
import { type Datasets, objectNames } from './names.ts';
import { procedureSql } from './procedure-sql.ts';
import type { TargetState } from './read-target.ts';
import { runJobToCompletion } from './run-job.ts';
import {
  type Layout,
  ledgerSql,
  ledgerUpgradeSql,
  reportingViewSql,
  targetStateSql,
  targetTableSql,
  tempTableSql,
} from './tables-sql.ts';
import { tryObjects } from './try-objects.ts';

/** A view's objects in BigQuery. `dropped` are the columns of the target that the view does not have any more. */
export type ViewObjects = { shape: TableShape; layout: Layout; dropped: readonly Column[] };

/** A view's objects, and how its existing tables must change. */
export type EvolvingObjects = Omit<ViewObjects, 'dropped'> & {
  evolution: Evolution;
  /** The columns that the reporting view does not show yet, since old rows have no values in them. */
  hidden?: readonly Column[];
};

/** The part of the warehouse that creates what a view needs: its tables, its procedure and its reporting view. */
export function createViewObjects({ openBigQuery, datasets, nameOf }: BigQueryAccess) {
  return {
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
          ? await findTable(await openBigQuery(), objectNames(datasets, shape).ledger)
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

    /** The statement that creates the target, as `makeObjects` runs it. */
    targetSql: (shape: TableShape, layout: Layout): string => targetTableSql(datasets, shape, layout),

    /** Checks the statements of `makeObjects` in dry runs; `fits` says whether the tables exist and fit the view. Throws what BigQuery refuses. */
    async tryObjects(shape: TableShape, layout: Layout, fits: boolean): Promise<void> {
      await tryObjects(await openBigQuery(), datasets, shape, layout, fits);
    },
  };
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

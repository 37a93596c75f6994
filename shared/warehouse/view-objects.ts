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
export type EvolvingObjects = Omit<ViewObjects, 'dropped'> & { evolution: Evolution };

/** What a view's tables contain once they are made; `isEmpty`: the target has no rows, not even deleted ones. */
export type MadeTables = TargetState & { isEmpty: boolean };

/** The part of the warehouse that creates what a view needs: its tables, its procedure and its reporting view. */
export function createViewObjects({ openBigQuery, datasets, nameOf }: BigQueryAccess) {
  return {
    /** A hash that changes when any statement that creates the view's objects changes. */
    fingerprint(objects: ViewObjects): string {
      const { shape, layout } = objects;
      const statements = `${objectsSql(datasets, objects)}\n${reportingViewSql(datasets, shape, layout)}`;
      return createHash('sha256').update(statements).digest('hex').slice(0, 16);
    },

    /**
     * Creates the view's missing tables, changes those that `evolution` names, and creates its procedure, in one job. Returns what the tables
     * contain. Safe to repeat under another `runName`.
     */
    async makeObjects(
      { shape, layout, evolution }: EvolvingObjects,
      runName: string,
      deadline: Deadline,
    ): Promise<MadeTables> {
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
        objectsSql(datasets, { shape, layout, dropped: evolution.dropped }),
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
        isEmpty: row?.is_empty === true,
      };
    },

    /**
     * Creates the reporting view, or replaces it, without the columns that are `hidden`. It is a job of its own, since nothing but reports needs it. Safe to
     * repeat under another `runName`.
     */
    async makeReportingView(
      { shape, layout, hidden }: Pick<ViewObjects, 'shape' | 'layout'> & { hidden: readonly Column[] },
      runName: string,
      deadline: Deadline,
    ): Promise<void> {
      const hiddenNames = new Set(hidden.map(({ name }) => name));
      const shown = { ...shape, columns: shape.columns.filter(({ name }) => !hiddenNames.has(name)) };
      const query = reportingViewSql(datasets, shown, layout);
      await runJobToCompletion(await openBigQuery(), deadline, (jobAttempt) => ({
        id: nameOf('reports', shape.view, runName, jobAttempt),
        configuration: { query: { query, useLegacySql: false } },
        labels: { view: shape.view, step: 'reports' },
        context: { view: shape.view },
      }));
    },

    /** The statement that creates the target, as `makeObjects` runs it. */
    targetSql: (shape: TableShape, layout: Layout): string => targetTableSql(datasets, shape, layout),

    /** Checks the statements of `makeObjects` and `makeReportingView` in dry runs; `fits` says whether the tables exist and fit the view. Throws what BigQuery refuses. */
    async tryObjects(shape: TableShape, layout: Layout, fits: boolean): Promise<void> {
      await tryObjects(await openBigQuery(), datasets, shape, layout, fits);
    },
  };
}

/** Returns one script that creates the tables and the procedure of a view. Its last statement selects what the tables contain. */
export function objectsSql(datasets: Datasets, { shape, layout, dropped }: ViewObjects): string {
  const target = targetTableSql(datasets, shape, layout);
  const state = targetStateSql(datasets, shape);
  const statements =
    shape.loadType === 'merge'
      ? [
          ledgerSql(datasets),
          tempTableSql(datasets, shape),
          target,
          procedureSql(datasets, shape, layout, dropped),
          state,
        ]
      : [target, state];
  return statements.join('\n');
}

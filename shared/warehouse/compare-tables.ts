import type { TableShape } from '../model/columns.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import { columnChanges } from './columns-match.ts';
import { type Evolution, planEvolution, type TableChanges } from './evolution.ts';
import { type FoundTable, findTable } from './found-table.ts';
import { objectNames } from './names.ts';
import { TEMP_COLUMNS, targetColumns } from './tables-sql.ts';
import { type UnfitSetting, unfitSettings } from './unfit-settings.ts';
import type { ViewObjects } from './view-objects.ts';

/** The tables that do not exist, those whose columns differ from the view's, and the target as it is. */
export type Comparison = {
  missing: ('ledger' | 'temp' | 'target')[];
  changed: TableChanges[];
  target: FoundTable | null;
};

/** The part of the warehouse that compares a view's tables with what the view needs. It reads metadata alone, and changes nothing. */
export function createTableComparison({ openBigQuery, datasets }: Omit<BigQueryAccess, 'nameOf'>) {
  return {
    /**
     * Compares the columns of the target, and of a merge view's temp table, with the view's. For a streamed target it also compares the
     * primary key, by which BigQuery finds rows. The ledger belongs to a merge.
     */
    async compareTables(shape: TableShape): Promise<Comparison> {
      const names = objectNames(datasets, shape);
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
      const name = objectNames(datasets, shape).target;
      return compare('target', name, shape, await findTable(await openBigQuery(), name));
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

    /** What must happen to an existing target so that it fits the view; null if there is none. Reads nothing but the dataset of the targets. */
    async planTarget(shape: TableShape, source: ViewSource): Promise<Evolution | null> {
      const name = objectNames(datasets, shape).target;
      const target = await findTable(await openBigQuery(), name);
      if (target === null) return null;
      const changes = compare('target', name, shape, target);
      return planEvolution({
        ...{ tables: changes === null ? [] : [changes], target, shape, layout: source },
        known: source.knownColumns,
        settled: source.unfilledColumns,
      });
    },

    /** The settings of the view's datasets and tables that a load cannot live with; see `unfitSettings`. Changes nothing. */
    async unfitSettings(
      { shape, layout }: Pick<ViewObjects, 'shape' | 'layout'>,
      { remade }: Pick<Evolution, 'remade'>,
    ): Promise<UnfitSetting[]> {
      const isPartitioned = layout.partition !== null;
      return await unfitSettings(await openBigQuery(), datasets, { shape, isPartitioned, remade });
    },
  };
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

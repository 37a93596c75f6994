import type { BigQuery } from '@google-cloud/bigquery';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import type { TableShape } from '../model/columns.ts';
import { thenResume } from '../model/resume-advice.ts';
import type { TableField } from './columns-match.ts';
import { type Datasets, objectNames, quoted } from './names.ts';

/** A setting of a dataset or table under which a target would be wrong, or could not be filled. */
export type UnfitSetting = {
  message: string;
  /** What to run, and what to send afterwards. */
  advice: string;
  /** Whether the view cannot be loaded, or whether that is what its owner may want. */
  isFatal: boolean;
};

type Field = TableField & { collation?: string };

/** The part of the answers of tables.get and datasets.get that is looked at. */
type Settings = {
  schema?: { fields?: Field[] };
  defaultCollation?: string;
  timePartitioning?: { expirationMs?: string };
  defaultPartitionExpirationMs?: string;
};

/** The tables of a view, and those of them in whose place new ones will be made. */
type Planned = { shape: TableShape; isPartitioned: boolean; remade: readonly ('temp' | 'target')[] };

/** A table of the view and its dataset; `ofTable` is null if the table does not exist. */
type Found = {
  table: string;
  dataset: string;
  ofTable: Settings | null;
  ofDataset: Settings;
  isTarget: boolean;
  /** Whether the table will be made, so that it gets the defaults of its dataset. */
  isMade: boolean;
};

const DAY_MS = 86_400_000;

/**
 * Reads the settings of the datasets and tables of a view that a load cannot live with. Collations that ignore case make `a` equal to `A`, for
 * keys and for changes: https://cloud.google.com/bigquery/docs/reference/standard-sql/collation-concepts. Partitions that expire take rows
 * away that the view still has: https://cloud.google.com/bigquery/docs/managing-partitioned-tables#partition-expiration. Changes nothing.
 */
export async function unfitSettings(
  bigquery: BigQuery,
  datasets: Datasets,
  planned: Planned,
): Promise<UnfitSetting[]> {
  const { shape, remade } = planned;
  const names = objectNames(datasets, shape);
  const tables = shape.loadType === 'merge' ? (['target', 'temp'] as const) : (['target'] as const);
  const found = await Promise.all(
    tables.map(async (which): Promise<Found> => {
      const table = names[which];
      const dataset = table.split('.').slice(0, 2).join('.');
      const settings = await settingsOf(bigquery, table);
      const isMade = settings.ofTable === null || remade.includes(which);
      return { table, dataset, ...settings, isTarget: which === 'target', isMade };
    }),
  );
  return found.flatMap((table) =>
    [collationFault(table, planned), expirationFault(table, planned)].filter((fault) => fault !== null),
  );
}

/** Whether the columns of a table ignore case, or will. A table inherits the default of its dataset, and a column that of its table. */
function collationFault(
  { table, dataset, ofTable, ofDataset, isMade }: Found,
  { shape }: Planned,
): UnfitSetting | null {
  const isCompared = ({ name, type }: { name: string; type: string }): boolean =>
    type === 'STRING' && (shape.loadType === 'merge' || name === shape.keyColumn);
  const fault = (would: string, advice: string): UnfitSetting => ({
    message: `table ${table} ${would} text columns that ignore case (collation), so that keys and changes would be missed`,
    advice,
    isFatal: true,
  });
  const ofFuture = `alter schema ${quoted(dataset)} set default collate '';`;
  if (ofTable === null || isMade) {
    const isCollated = shape.columns.some(isCompared) && Boolean(ofDataset.defaultCollation);
    return isCollated ? fault('would have', `Run: ${ofFuture} ${thenResume(shape.view)}`) : null;
  }
  const fields = ofTable.schema?.fields ?? [];
  if (fields.some((field) => isCompared(field) && Boolean(field.collation))) {
    return fault('has', `Run: ${ofFuture} drop table if exists ${quoted(table)}; ${thenResync(shape)}`);
  }
  const known = new Set(fields.map(({ name }) => name));
  const added = shape.columns.filter((column) => isCompared(column) && !known.has(column.name));
  if (added.length === 0 || !ofTable.defaultCollation) return null;
  return fault(
    'would get',
    `Run: alter table ${quoted(table)} set default collate ''; ${thenResume(shape.view)}`,
  );
}

/** Whether partitions of the target expire, or will. A new target keeps the expiration of the one before. */
function expirationFault(
  { table, dataset, ofTable, ofDataset, isTarget, isMade }: Found,
  { shape, isPartitioned }: Planned,
): UnfitSetting | null {
  const inherited = isMade && isPartitioned && isTarget ? ofDataset.defaultPartitionExpirationMs : undefined;
  const expirationMs = ofTable?.timePartitioning?.expirationMs ?? inherited;
  if (!expirationMs) return null;
  const ofFuture = `alter schema ${quoted(dataset)} set options (default_partition_expiration_days = null);`;
  const ofPresent = `alter table if exists ${quoted(table)} set options (partition_expiration_days = null);`;
  return {
    message: `partitions of table ${table} expire after ${Number(expirationMs) / DAY_MS} days: rows that the view still has would vanish`,
    advice: `Run: ${ofFuture} ${ofPresent} ${thenResync(shape)}`,
    isFatal: shape.loadType === 'bq-storage-api',
  };
}

const thenResync = ({ view }: TableShape): string => `Then send {"view":"${view}","resync":true}.`;

async function settingsOf(
  bigquery: BigQuery,
  name: string,
): Promise<{ ofTable: Settings | null; ofDataset: Settings }> {
  const [, datasetId = '', tableId = ''] = name.split('.');
  const dataset = bigquery.dataset(datasetId);
  const read = async (resource: { getMetadata: () => Promise<unknown> }): Promise<Settings | null> => {
    try {
      const [metadata] = (await resource.getMetadata()) as [Settings];
      return metadata;
    } catch (error) {
      if (codeOf(error) === 404) return null;
      throw fromGoogle(error, `table ${name}`);
    }
  };
  const [ofTable, ofDataset] = await Promise.all([read(dataset.table(tableId)), read(dataset)]);
  return { ofTable, ofDataset: ofDataset ?? {} };
}

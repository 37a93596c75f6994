import type { BigQuery } from '@google-cloud/bigquery';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import type { TableShape } from '../model/columns.ts';
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

type Settings = {
  schema?: { fields?: (TableField & { collation?: string })[] };
  defaultCollation?: string;
  timePartitioning?: { expirationMs?: string };
  defaultPartitionExpirationMs?: string;
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
  shape: TableShape,
  isPartitioned: boolean,
): Promise<UnfitSetting[]> {
  const names = objectNames(datasets, shape);
  const tables = shape.loadType === 'merge' ? [names.target, names.temp] : [names.target];
  const found = await Promise.all(
    tables.map(async (table) => {
      const dataset = table.split('.').slice(0, 2).join('.');
      return { table, dataset, ...(await settingsOf(bigquery, table)) };
    }),
  );
  const drop = tables.map((table) => `drop table if exists ${quoted(table)};`).join(' ');
  const resync = `Then send {"view":"${shape.view}","resync":true}.`;
  const isCompared = ({ name, type }: { name: string; type: string }): boolean =>
    type === 'STRING' && (shape.loadType === 'merge' || name === shape.keyColumn);
  const unfit: UnfitSetting[] = [];
  for (const { table, dataset, ofTable, ofDataset } of found) {
    const collated =
      ofTable === null
        ? shape.columns.some(isCompared) && Boolean(ofDataset.defaultCollation)
        : ofTable.schema?.fields?.some((field) => isCompared(field) && Boolean(field.collation));
    if (collated) {
      unfit.push({
        message: `table ${table} ${ofTable === null ? 'would have' : 'has'} text columns that ignore case (collation), so that keys and changes would be missed`,
        advice: `Run: alter schema ${quoted(dataset)} set default collate ''; ${drop} ${resync}`,
        isFatal: true,
      });
    }
    const expirationMs =
      ofTable === null
        ? isPartitioned && table === names.target && ofDataset.defaultPartitionExpirationMs
        : ofTable.timePartitioning?.expirationMs;
    if (expirationMs) {
      const ofFuture = `alter schema ${quoted(dataset)} set options (default_partition_expiration_days = null);`;
      const ofPresent = `alter table if exists ${quoted(table)} set options (partition_expiration_days = null);`;
      unfit.push({
        message: `partitions of table ${table} expire after ${Number(expirationMs) / DAY_MS} days: rows that the view still has would vanish`,
        advice: `Run: ${ofFuture} ${ofPresent} ${resync}`,
        isFatal: shape.loadType === 'bq-storage-api',
      });
    }
  }
  return unfit;
}

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

import type { BigQuery, TableMetadata } from '@google-cloud/bigquery';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import type { TableField } from './columns-match.ts';
import { expiryOf, type TableExpiry } from './table-expiry.ts';
import { type FoundLayout, layoutOf } from './target-layout.ts';

/** The label of a target that has the id of the installation which feeds it: https://cloud.google.com/bigquery/docs/labels-intro#requirements */
export const INSTALLATION_LABEL = 'smart_datahub_installation';

/** The part of a table's metadata that is compared. */
export type FoundTable = {
  name: string;
  fields: TableField[];
  /** The declared primary key. */
  primaryKey: string[];
  /** In milliseconds. */
  createdAt: string;
  /** Without those that are being streamed; null for a view. */
  rows: string | null;
  expiry: TableExpiry | null;
  /** The installation that feeds it, by its label; null for a target of an earlier release, and for other tables. */
  installation: string | null;
} & FoundLayout;

/** Describes a table by its full name; null if it does not exist. */
export async function findTable(bigquery: BigQuery, name: string): Promise<FoundTable | null> {
  const metadata = await readMetadata(bigquery, name);
  if (metadata === null) return null;
  return {
    name,
    fields: fieldsOf(metadata),
    primaryKey: metadata.tableConstraints?.primaryKey?.columns ?? [],
    createdAt: String(metadata.creationTime),
    rows: metadata.numRows === undefined ? null : String(metadata.numRows),
    expiry: expiryOf(name, metadata),
    installation: metadata.labels?.[INSTALLATION_LABEL] ?? null,
    ...layoutOf(metadata),
  };
}

/** The answer of tables.get; null if the table does not exist. */
export async function readMetadata(bigquery: BigQuery, name: string): Promise<TableMetadata | null> {
  try {
    const [metadata] = await tableOf(bigquery, name).getMetadata();
    return metadata;
  } catch (error) {
    if (codeOf(error) === 404) return null;
    throw fromGoogle(error, `table ${name}`);
  }
}

/** Changes the given settings of a table, by tables.patch; null removes one. */
export async function patchTable(
  bigquery: BigQuery,
  name: string,
  settings: { readonly [setting: string]: unknown },
): Promise<void> {
  await tableOf(bigquery, name)
    .setMetadata(settings as TableMetadata)
    .catch((error: unknown) => {
      throw fromGoogle(error, `table ${name}`);
    });
}

export const fieldsOf = ({ schema }: TableMetadata): TableField[] =>
  (schema as { fields?: TableField[] } | undefined)?.fields ?? [];

function tableOf(bigquery: BigQuery, name: string) {
  const [, dataset = '', table = ''] = name.split('.');
  return bigquery.dataset(dataset).table(table);
}

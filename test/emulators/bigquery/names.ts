import { invalidQuery } from './error.ts';
import { quoted } from './field.ts';

export interface DatasetReference {
  readonly projectId: string;
  readonly datasetId: string;
}

export interface TableReference extends DatasetReference {
  readonly tableId: string;
}

export interface RoutineReference extends DatasetReference {
  readonly routineId: string;
}

/** The project and the dataset for names without them. */
export interface NameDefaults {
  readonly projectId: string;
  readonly datasetId?: string;
}

/**
 * The parts of `project.dataset.name`, `dataset.name` or `name`. A project may contain dots (`example.com:p`).
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#table_names
 */
export function resolveName(
  path: string,
  defaults: NameDefaults,
): DatasetReference & { readonly name: string } {
  const parts = path.split('.');
  const name = parts.pop();
  const datasetId = parts.pop() ?? defaults.datasetId;
  if (!name) throw invalidQuery(`Invalid name: "${path}"`);
  if (!datasetId) {
    throw invalidQuery(`Table "${name}" must be qualified with a dataset (e.g. dataset.table).`);
  }
  return { projectId: parts.length > 0 ? parts.join('.') : defaults.projectId, datasetId, name };
}

export function resolveTable(path: string, defaults: NameDefaults): TableReference {
  const { projectId, datasetId, name } = resolveName(path, defaults);
  return { projectId, datasetId, tableId: name };
}

export function resolveRoutine(path: string, defaults: NameDefaults): RoutineReference {
  const { projectId, datasetId, name } = resolveName(path, defaults);
  return { projectId, datasetId, routineId: name };
}

/** `project:dataset` or `project:dataset.table`, as in BigQuery's messages and resource ids. */
export function displayName(reference: DatasetReference & { tableId?: string; routineId?: string }): string {
  const name = reference.tableId ?? reference.routineId;
  return `${reference.projectId}:${reference.datasetId}${name === undefined ? '' : `.${name}`}`;
}

/** The schema of DuckDB for the tables of a dataset. */
export function storageSchema(dataset: DatasetReference): string {
  return quoted(storageSchemaName(dataset));
}

export function storageTable(reference: TableReference): string {
  return `${storageSchema(reference)}.${storageTableName(reference)}`;
}

/** DuckDB's name of a table within the schema of its dataset. */
export function storageTableName({ tableId }: TableReference): string {
  return quoted(storageName(tableId));
}

/** DuckDB's names of the schema and the table, as its interface takes them: without quotation marks. */
export function storagePath(reference: TableReference): { schema: string; table: string } {
  return { schema: storageSchemaName(reference), table: storageName(reference.tableId) };
}

function storageSchemaName({ projectId, datasetId }: DatasetReference): string {
  return storageName(`${projectId}/${datasetId}`);
}

/** The case of table names counts in BigQuery and not in DuckDB: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#case_sensitivity */
function storageName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `^${letter.toLowerCase()}`);
}

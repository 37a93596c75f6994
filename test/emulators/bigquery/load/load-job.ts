import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Faults } from '../../faults.ts';
import { createdNow, type Table } from '../catalog.ts';
import type { Session } from '../engine.ts';
import { BigQueryError, duplicate, invalid, notFound } from '../error.ts';
import { type Field, fieldOfSchema, storageType, typeName } from '../field.ts';
import type { Job, LoadConfiguration } from '../job.ts';
import { underFault } from '../job-faults.ts';
import { displayName, storageTable, type TableReference } from '../names.ts';
import type { Warehouse } from '../statement/statement-context.ts';
import { checkFields, createStorage, measure } from '../table-storage.ts';
import { dropKeyVersions } from '../write/key-versions.ts';
import { explain, loadRows } from './load-rows.ts';
import { downloadObjects, type SourceObject } from './source-objects.ts';

interface LoadServices extends Warehouse {
  readonly faults: Faults;
  readonly storageEndpoint: string;
}

/**
 * Runs a load job to its end and loads all rows of all files, or none.
 * https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json#limitations
 * @throws BigQueryError the error that ends the job.
 */
export async function runLoadJob(
  job: Job,
  configuration: LoadConfiguration,
  services: LoadServices,
): Promise<void> {
  const { destinationTable: reference, sourceUris = [] } = configuration;
  if (!reference) throw invalid('Required parameter is missing: destinationTable');
  if (sourceUris.length === 0) throw invalid('Load configuration must specify at least one source URI');
  checkFormat(configuration);
  checkLocation(reference, job, services);
  await underFault(services.faults, 'bigquery.job.load', job.stopSignal, async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bigquery-load-'));
    try {
      const objects = await downloadObjects(services.storageEndpoint, sourceUris, folder, job.stopSignal);
      job.record.load = await services.engine.with((session) =>
        load(session, reference, configuration, objects, services, job),
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

function checkFormat(configuration: LoadConfiguration): void {
  const {
    sourceFormat = 'CSV',
    maxBadRecords = 0,
    ignoreUnknownValues = false,
    autodetect = false,
  } = configuration;
  if (sourceFormat !== 'NEWLINE_DELIMITED_JSON') {
    throw invalid(`The BigQuery stand-in loads no ${sourceFormat}`);
  }
  if (maxBadRecords > 0 || ignoreUnknownValues || autodetect) {
    throw invalid('The BigQuery stand-in has no maxBadRecords, ignoreUnknownValues or autodetect');
  }
}

function checkLocation(reference: TableReference, job: Job, { catalog }: Warehouse): void {
  // https://cloud.google.com/bigquery/docs/locations#specify_locations
  const { location } = job.record.reference;
  const dataset = catalog.dataset({ projectId: reference.projectId, datasetId: reference.datasetId });
  if (dataset.location.toLowerCase() === location.toLowerCase()) return;
  throw notFound(
    `Not found: Dataset ${displayName(dataset.reference)} was not found in location ${location}`,
  );
}

async function load(
  session: Session,
  reference: TableReference,
  configuration: LoadConfiguration,
  objects: readonly SourceObject[],
  { catalog, mutations }: Warehouse,
  job: Job,
) {
  const { writeDisposition = 'WRITE_APPEND' } = configuration;
  const table = catalog.findTable(reference) ?? (await create(reference, configuration, catalog));
  const fields = columnsOf(table, configuration);
  const storage = storageTable(reference);
  const write = () =>
    session.transaction(async () => {
      // https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationLoad
      if (writeDisposition === 'WRITE_EMPTY' && (await measure(session, storage, [])).rows > 0n) {
        throw duplicate(`Already Exists: Table ${displayName(reference)}`);
      }
      if (writeDisposition === 'WRITE_TRUNCATE') {
        await session.run(`delete from ${storage}`);
        await dropKeyVersions(session, reference);
      }
      return await loadRows(session, storage, fields, objects);
    });
  const stop = () => session.interrupt();
  job.stopSignal.addEventListener('abort', stop);
  try {
    const rows =
      writeDisposition === 'WRITE_TRUNCATE'
        ? await mutations.alone(displayName(reference), write)
        : await write();
    return statistics(rows, objects);
  } catch (error) {
    throw error instanceof BigQueryError && !job.stopSignal.aborted
      ? await explain(error, session, fields, objects)
      : error;
  } finally {
    job.stopSignal.removeEventListener('abort', stop);
  }
}

function statistics(rows: number, objects: readonly SourceObject[]) {
  const bytes = objects.reduce((sum, object) => sum + object.bytes, 0);
  return {
    inputFiles: String(objects.length),
    inputFileBytes: String(bytes),
    outputRows: String(rows),
    outputBytes: String(bytes),
    badRecords: '0',
  };
}

async function create(
  reference: TableReference,
  configuration: LoadConfiguration,
  catalog: Warehouse['catalog'],
): Promise<Table> {
  // https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationLoad
  if (configuration.createDisposition === 'CREATE_NEVER') {
    throw notFound(`Not found: Table ${displayName(reference)}`);
  }
  const fields = schemaOf(configuration);
  if (!fields) throw invalid(`No schema specified on job or table ${displayName(reference)}`);
  checkFields(fields);
  const { timePartitioning, clustering } = configuration;
  const settings = { ...(timePartitioning && { timePartitioning }), ...(clustering && { clustering }) };
  const table: Table = { reference, type: 'TABLE', fields, ...createdNow(), ...settings };
  await catalog.putTable(table, {
    mustBeNew: true,
    storage: (session) => createStorage(session, storageTable(reference), fields),
  });
  return table;
}

function schemaOf({ schema }: LoadConfiguration): Field[] | undefined {
  return schema?.fields?.map((field) => fieldOfSchema(field));
}

/**
 * Returns the columns to load: all of the table's, or those of the job's schema, which must match the table's.
 * https://cloud.google.com/bigquery/docs/managing-table-schemas
 */
function columnsOf(table: Table, configuration: LoadConfiguration): readonly Field[] {
  if (table.type !== 'TABLE') {
    throw invalid(`${displayName(table.reference)} is not allowed for this operation because it is a view`);
  }
  const given = schemaOf(configuration);
  if (!given) return table.fields;
  const mismatch = (what: string) =>
    invalid(`Provided Schema does not match Table ${displayName(table.reference)}. ${what}`);
  return given.map((field) => {
    const own = table.fields.find(({ name }) => name.toLowerCase() === field.name.toLowerCase());
    if (!own) throw mismatch(`Cannot add fields (field: ${field.name})`);
    if (storageType(own) !== storageType(field)) {
      throw mismatch(`Field ${field.name} has changed type from ${typeName(own)} to ${typeName(field)}`);
    }
    return own;
  });
}

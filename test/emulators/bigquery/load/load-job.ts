import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Faults } from '../../faults.ts';
import type { Table } from '../catalog.ts';
import type { Session } from '../engine.ts';
import { BigQueryError, duplicate, invalid, notFound } from '../error.ts';
import type { Job, LoadConfiguration, LoadStatistics } from '../job.ts';
import { underFault } from '../job-faults.ts';
import { displayName, storageTable, type TableReference } from '../names.ts';
import type { Warehouse } from '../statement/statement-context.ts';
import { measure } from '../table-storage.ts';
import { loadAvro } from './load-avro.ts';
import { explain, loadRows } from './load-rows.ts';
import { downloadObjects, type SourceObject } from './source-objects.ts';

interface LoadServices extends Warehouse {
  readonly faults: Faults;
  readonly storageEndpoint: string;
}

/**
 * Runs a load job to its end: all rows of all files, or none.
 * https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json
 * https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro
 * @throws BigQueryError that ends the job.
 */
export async function runLoadJob(
  job: Job,
  configuration: LoadConfiguration,
  services: LoadServices,
): Promise<void> {
  const { destinationTable: reference, sourceUris = [] } = configuration;
  if (!reference) throw invalid('Required parameter is missing: destinationTable');
  if (sourceUris.length === 0) throw invalid('Load configuration must specify at least one source URI');
  checkSupported(configuration);
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

/** The defaults are those of https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobconfigurationload */
function checkSupported(configuration: LoadConfiguration): void {
  const { sourceFormat = 'CSV', maxBadRecords = 0, writeDisposition = 'WRITE_APPEND' } = configuration;
  const { ignoreUnknownValues = false, autodetect = false, schema } = configuration;
  const { decimalTargetTypes = [] } = configuration;
  const refuse = (what: string) => invalid(`The BigQuery emulator does not support ${what} in a load job`);
  if (sourceFormat !== 'NEWLINE_DELIMITED_JSON' && sourceFormat !== 'AVRO') throw refuse(sourceFormat);
  if (maxBadRecords > 0) throw refuse('maxBadRecords');
  if (ignoreUnknownValues) throw refuse('ignoreUnknownValues');
  if (autodetect || schema !== undefined) throw refuse('another schema than the schema of the table');
  if (writeDisposition !== 'WRITE_APPEND' && writeDisposition !== 'WRITE_EMPTY')
    throw refuse(writeDisposition);
  const other = decimalTargetTypes.find((type) => type !== 'NUMERIC' && type !== 'BIGNUMERIC');
  if (other !== undefined) throw refuse(`the decimal target type ${other}`);
  if (new Set(decimalTargetTypes).size < decimalTargetTypes.length) {
    throw invalid('Duplicate types in decimalTargetTypes');
  }
}

/** https://cloud.google.com/bigquery/docs/locations#specify_locations */
function checkLocation(reference: TableReference, job: Job, { catalog }: Warehouse): void {
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
  { catalog, engine }: Warehouse,
  job: Job,
): Promise<LoadStatistics> {
  const { sourceFormat, writeDisposition, decimalTargetTypes = [] } = configuration;
  const table = tableOf(reference, catalog);
  const storage = storageTable(reference);
  const stop = () => session.interrupt();
  job.stopSignal.addEventListener('abort', stop);
  try {
    const rows = await engine.history.change(session, async () => {
      // https://cloud.google.com/bigquery/docs/error-messages
      if (writeDisposition === 'WRITE_EMPTY' && (await measure(session, storage, [])).rows > 0n) {
        throw duplicate(`Already Exists: Table ${displayName(reference)}`);
      }
      if (sourceFormat !== 'AVRO') return await loadRows(session, storage, table.fields, objects);
      const options = {
        useAvroLogicalTypes: configuration.useAvroLogicalTypes ?? false,
        decimalTargetTypes: decimalTargetTypes.length > 0 ? decimalTargetTypes : ['NUMERIC'],
      };
      return await loadAvro(session, table, objects, options, job.stopSignal);
    });
    return statistics(rows, objects);
  } catch (error) {
    throw error instanceof BigQueryError && sourceFormat !== 'AVRO' && !job.stopSignal.aborted
      ? await explain(error, session, table.fields, objects)
      : error;
  } finally {
    job.stopSignal.removeEventListener('abort', stop);
  }
}

function tableOf(reference: TableReference, catalog: Warehouse['catalog']): Table {
  const table = catalog.table(reference);
  if (table.type === 'TABLE') return table;
  throw invalid(`${displayName(reference)} is not allowed for this operation because it is a view`);
}

function statistics(rows: number, objects: readonly SourceObject[]): LoadStatistics {
  const bytes = objects.reduce((sum, object) => sum + object.bytes, 0);
  return {
    inputFiles: String(objects.length),
    inputFileBytes: String(bytes),
    outputRows: String(rows),
    outputBytes: String(bytes),
    badRecords: '0',
  };
}

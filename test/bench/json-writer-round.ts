// The baseline: the JSONWriter of Google's package writes the same batch, in its own process.
import { adapt, managedwriter } from '@google-cloud/bigquery-storage';
import { createBigQuery, createWriterClient } from '../../shared/google/clients.ts';
import type { EtlTransaction } from '../../shared/model/batch.ts';
import { benchDependencies } from './bench-dependencies.ts';
import { type Measured, measure } from './measure.ts';
import { sendResult } from './run-round.ts';

type JsonRow = Parameters<managedwriter.JSONWriter['appendRows']>[0][number];
type PendingWrite = ReturnType<managedwriter.JSONWriter['appendRows']>;

/** The function keeps as many requests in flight (shared/warehouse/append-rows.ts). */
const WINDOW_REQUESTS = 4;

const [view = '', etlTransactionId = '', target = '', rowsPerRequest = ''] = process.argv.slice(2);
const { config, control, staging } = await benchDependencies();
const bigquery = await createBigQuery(config);
const client = await createWriterClient(config);

const { measured } = await measure(async () => {
  const batch = await control.batches.get(view, BigInt(etlTransactionId));
  const writer = await openWriter();
  const inFlight = new Set<Promise<void>>();
  for await (const rows of requestsOf(batch, Number(rowsPerRequest))) {
    const sent = acknowledged(writer.appendRows(rows)).finally(() => inFlight.delete(sent));
    inFlight.add(sent);
    if (inFlight.size >= WINDOW_REQUESTS) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
});
sendResult<Measured>(measured);

/** Opens a writer as Google's change data capture samples do: with a descriptor from the table's schema and the two fields of a change. */
async function openWriter(): Promise<managedwriter.JSONWriter> {
  const [{ schema }] = await bigquery.dataset(config.datasets.target).table(target).getMetadata();
  const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(
    adapt.convertBigQuerySchemaToStorageTableSchema(schema),
    'root',
    adapt.withChangeType(),
    adapt.withChangeSequenceNumber(),
  );
  const destinationTable = `projects/${config.projectId}/datasets/${config.datasets.target}/tables/${target}`;
  const connection = await client.createStreamConnection({
    streamId: managedwriter.DefaultStream,
    destinationTable,
  });
  return new managedwriter.JSONWriter({ connection, protoDescriptor });
}

async function* requestsOf(batch: EtlTransaction, count: number): AsyncGenerator<JsonRow[]> {
  const manifest = await staging.readManifest(batch.stagedPrefix);
  const toJsonRow = createToJsonRow(batch);
  let request: JsonRow[] = [];
  for (const object of manifest?.objects ?? []) {
    for await (const lines of staging.readLines(object, new AbortController().signal)) {
      for (const line of lines) {
        if (request.push(toJsonRow(line)) < count) continue;
        yield request;
        request = [];
      }
    }
  }
  if (request.length > 0) yield request;
}

/** Returns a converter from staged rows to the form that JSONWriter accepts, in which TIMESTAMPs are Dates. */
function createToJsonRow({ id, startedAt }: EtlTransaction): (line: string) => JsonRow {
  const sequencePrefix = `${id.toString(16)}/`;
  let ordinal = 0;
  return (line) => {
    const { action, ...row } = JSON.parse(line);
    ordinal += 1;
    row._CHANGE_SEQUENCE_NUMBER = sequencePrefix + ordinal.toString(16);
    if (action === 'deleted') {
      delete row.etl_transaction_id;
      row._CHANGE_TYPE = 'DELETE';
      return row;
    }
    row._CHANGE_TYPE = 'UPSERT';
    row.update_at = startedAt;
    for (const name of ['open_datetime', 'close_datetime']) {
      if (row[name] !== null) row[name] = new Date(row[name]);
    }
    return row;
  };
}

async function acknowledged(write: PendingWrite): Promise<void> {
  const { error, rowErrors } = await write.getResult();
  if (error || (rowErrors && rowErrors.length > 0)) throw new Error(`refused: ${error?.message ?? 'rows'}`);
}

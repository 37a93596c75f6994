// The baseline: the JSONWriter of Google's package writes the same batch, in its own process.
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { adapt, managedwriter } from '@google-cloud/bigquery-storage';
import { createBigQuery, createWriterClient } from '../../shared/google/clients.ts';
import { splitLines } from '../../shared/staging/read-lines.ts';
import { benchDependencies } from './bench-dependencies.ts';
import { type Measured, measure } from './measure.ts';
import { sendResult } from './run-round.ts';

type JsonRow = Parameters<managedwriter.JSONWriter['appendRows']>[0][number];
type PendingWrite = ReturnType<managedwriter.JSONWriter['appendRows']>;

/** The function has at most as many requests without an answer, on all its connections (shared/warehouse/write-connections.ts). */
const WINDOW_REQUESTS = 8;

const [target = '', rowsPerRequest = '', linesFile = ''] = process.argv.slice(2);
const { config } = await benchDependencies();
const bigquery = await createBigQuery(config);
const client = await createWriterClient(config);

const { measured } = await measure(async () => {
  const writer = await openWriter();
  const inFlight = new Set<Promise<void>>();
  for await (const rows of requestsOf(Number(rowsPerRequest))) {
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

async function* requestsOf(count: number): AsyncGenerator<JsonRow[]> {
  let request: JsonRow[] = [];
  for await (const lines of splitLines(createReadStream(linesFile).pipe(createGunzip()))) {
    for (const line of lines) {
      request.push(toJsonRow(line));
      if (request.length < count) continue;
      yield request;
      request = [];
    }
  }
  if (request.length > 0) yield request;
}

/** JSONWriter takes Dates for TIMESTAMPs. */
function toJsonRow(line: string): JsonRow {
  const row = JSON.parse(line);
  for (const name of ['open_datetime', 'close_datetime', 'update_at']) {
    if (row[name] !== undefined) row[name] = new Date(row[name] / 1000);
  }
  return row;
}

async function acknowledged(write: PendingWrite): Promise<void> {
  const { error, rowErrors } = await write.getResult();
  if (error || (rowErrors && rowErrors.length > 0)) throw new Error(`refused: ${error?.message ?? 'rows'}`);
}

// Stages the batch of incidents that the rounds stream, in its own process, after a rehearsal against the complete emulator.
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { BigQuery } from '@google-cloud/bigquery';
import { PassThroughClient } from 'google-auth-library';
import pg from 'pg';
import { extractView } from '../../functions/extract/extract-view.ts';
import { applyBatch } from '../../shared/batch/apply-batch.ts';
import { messageOf } from '../../shared/warehouse/stream-message.ts';
import { compare, describeFindings } from '../local/compare/compare.ts';
import { STREAM } from '../support/appliers.ts';
import { benchDependencies, importSmartApp } from './bench-dependencies.ts';
import { addIncidents, changeIncidents } from './incident-changes.ts';
import { sendResult } from './run-round.ts';

/** The staged batch. `linesFile` holds the same rows as JSON, as the JSONWriter takes them. */
export type StagedIncidents = {
  etlTransactionId: string;
  upserts: number;
  deletes: number;
  linesFile: string;
};

const VIEW = 'xyz_incident';
const [rows, sourceUrl = '', linesFile = ''] = process.argv.slice(2);
const dependencies = await benchDependencies();
const source = new pg.Client(sourceUrl);
await source.connect();

async function stage(): Promise<Omit<StagedIncidents, 'linesFile'>> {
  const invocation = { functionName: 'extract', event: {} };
  const result = await extractView(VIEW, 'bench', invocation, dependencies);
  if (result.outcome !== 'staged') throw new Error(`the extraction ended with ${JSON.stringify(result)}`);
  return result;
}

/** The staged messages as lines of JSON, with microseconds for times. */
async function* linesOf(etlTransactionId: bigint): AsyncGenerator<string> {
  const { control, staging } = dependencies;
  const { stagedPrefix } = await control.batches.get(VIEW, etlTransactionId);
  const manifest = await staging.readManifest(stagedPrefix);
  if (manifest?.descriptor == null) throw new Error('the batch is not staged as messages');
  const { type } = messageOf(manifest.descriptor);
  for (const object of manifest.objects) {
    for await (const { messages } of staging.readMessages(object, new AbortController().signal)) {
      yield messages
        .map((row) => `${JSON.stringify(type.toObject(type.decode(row), { longs: Number }))}\n`)
        .join('');
    }
  }
}

async function replicate(): Promise<void> {
  const event = { view: VIEW, etlTransactionId: BigInt((await stage()).etlTransactionId) };
  const result = await applyBatch(event, STREAM, { functionName: 'stream', event: {} }, dependencies);
  if (result.outcome !== 'applied') throw new Error(`the stream ended with ${JSON.stringify(result)}`);
}

async function assertReplicated(): Promise<void> {
  const bigquery = new BigQuery({
    projectId: dependencies.config.projectId,
    authClient: new PassThroughClient(),
  });
  const target = `${dependencies.config.datasets.target}.incident`;
  const pair = { view: VIEW, target, keyColumn: 'incident_id', keepsDeletedRows: false };
  const found = await compare(pair, { sourceUrl, bigquery });
  if (!found.consistent) throw new Error(describeFindings(found).join('\n'));
}

await importSmartApp(dependencies);
await replicate();
await changeIncidents(source);
await replicate();
await assertReplicated();
await addIncidents(source, Number(rows));
const staged = await stage();
await pipeline(
  linesOf(BigInt(staged.etlTransactionId)),
  createGzip({ level: 1 }),
  createWriteStream(linesFile),
);
sendResult<StagedIncidents>({ ...staged, linesFile });

// Stages the batch of incidents that the rounds stream, in its own process, after a rehearsal against the complete emulator.
import { BigQuery } from '@google-cloud/bigquery';
import { PassThroughClient } from 'google-auth-library';
import pg from 'pg';
import { extractView } from '../../functions/extract/extract-view.ts';
import { applyBatch } from '../../shared/batch/apply-batch.ts';
import { compare, describeFindings } from '../local/compare/compare.ts';
import { STREAM } from '../support/installation.ts';
import { benchDependencies, importSmartApp } from './bench-dependencies.ts';
import { addIncidents, changeIncidents } from './incident-changes.ts';
import { sendResult } from './run-round.ts';

/** The staged batch. */
export type StagedIncidents = { etlTransactionId: string; upserts: number; deletes: number };

const VIEW = 'xyz_incident';
const [rows, sourceUrl = ''] = process.argv.slice(2);
const dependencies = await benchDependencies();
const source = new pg.Client(sourceUrl);
await source.connect();

async function stage(): Promise<StagedIncidents> {
  const invocation = { functionName: 'extract', event: {} };
  const result = await extractView(VIEW, 'bench', invocation, dependencies);
  if (result.outcome !== 'staged') throw new Error(`the extraction ended with ${JSON.stringify(result)}`);
  return result;
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
sendResult<StagedIncidents>(await stage());

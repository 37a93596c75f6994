// Loads the target of a merged view from the source, in its own process.
import { extractView } from '../../functions/extract/extract-view.ts';
import { applyBatch } from '../../shared/batch/apply-batch.ts';
import { MERGE } from '../support/appliers.ts';
import { benchDependencies, importSmartApp } from './bench-dependencies.ts';
import { sendResult } from './run-round.ts';

const view = String(process.argv[2]);
const dependencies = await benchDependencies();
await importSmartApp(dependencies);
const staged = await extractView(view, 'bench', { functionName: 'extract', event: {} }, dependencies);
if (staged.outcome !== 'staged') throw new Error(`the extraction ended with ${JSON.stringify(staged)}`);
const event = { view, etlTransactionId: BigInt(staged.etlTransactionId) };
const applied = await applyBatch(event, MERGE, { functionName: 'merge', event: {} }, dependencies);
if (applied.outcome !== 'applied') throw new Error(`the merge ended with ${JSON.stringify(applied)}`);
sendResult<{ rows: number }>({ rows: staged.upserts });

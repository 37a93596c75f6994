import type { Faults } from '../faults.ts';
import { billedBytes } from './billed-bytes.ts';
import { BigQueryError, unsupported } from './error.ts';
import type { Job, QueryConfiguration, QueryStatistics } from './job.ts';
import { underFault } from './job-faults.ts';
import type { Jobs } from './jobs.ts';
import { type NameDefaults, storageTable } from './names.ts';
import { readParameters } from './parameters.ts';
import { parseScript } from './script/parse.ts';
import { ScriptJob } from './script-job.ts';
import { StatementContext, type Warehouse } from './statement/statement-context.ts';

/** Runs a query job to its end and completes its record. @throws BigQueryError that ends the job. */
export async function runQueryJob(
  job: Job,
  configuration: QueryConfiguration,
  services: Warehouse & { readonly jobs: Jobs; readonly faults: Faults },
): Promise<void> {
  if (configuration.useLegacySql !== false) throw unsupported('legacy SQL: set useLegacySql to false');
  if (configuration.destinationTable) {
    throw unsupported('a destination table of a query: use CREATE TABLE AS');
  }
  if (configuration.createSession) throw unsupported('sessions');
  await underFault(services.faults, 'bigquery.job.query', job.stopSignal, () =>
    services.engine.with(async (session) => {
      const stop = () => session.interrupt();
      job.stopSignal.addEventListener('abort', stop);
      try {
        const context = new StatementContext(services, session, {
          defaults: defaultsOf(job, configuration),
          location: job.record.reference.location,
          stopSignal: job.stopSignal,
          parameters: await readParameters(session, configuration.queryParameters),
          isDryRun: job.record.configuration.dryRun === true,
        });
        const statements = parseScript(configuration.query);
        const script = new ScriptJob(job, statements, context, services);
        try {
          await script.run();
        } finally {
          job.record.query = {
            ...job.record.query,
            referencedTables: [...context.referenced.values()],
            ...(await bytesOf(context, job.record.query, script.billedByChildren)),
          };
        }
        enforceLimit(job, configuration);
      } finally {
        job.stopSignal.removeEventListener('abort', stop);
      }
    }),
  );
}

/**
 * Fails a query that bills more than its limit, and bills nothing for it:
 * https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobconfigurationquery
 * Reason and message are those that BigQuery is known to answer: [not documented].
 */
function enforceLimit({ record }: Job, { maximumBytesBilled }: QueryConfiguration): void {
  if (maximumBytesBilled === undefined || record.configuration.dryRun === true) return;
  // The limit of another statement would come after its effect here.
  if (record.query?.statementType !== 'SELECT') throw unsupported('maximumBytesBilled of other statements');
  const needed = BigInt(record.query.totalBytesBilled ?? 0);
  if (needed <= BigInt(maximumBytesBilled)) return;
  delete record.result;
  record.query = { ...record.query, totalBytesBilled: '0' };
  throw new BigQueryError(
    'bytesBilledLimitExceeded',
    `Query exceeded limit for bytes billed: ${maximumBytesBilled}. ${needed} or higher required.`,
  );
}

function defaultsOf(job: Job, { defaultDataset }: QueryConfiguration): NameDefaults {
  const { projectId } = job.record.reference;
  if (!defaultDataset) return { projectId };
  return { projectId: defaultDataset.projectId ?? projectId, datasetId: defaultDataset.datasetId };
}

/**
 * What BigQuery reports as processed and billed. A script reports what its child jobs bill, and its own expressions:
 * https://cloud.google.com/bigquery/docs/information-schema-jobs-timeline-by-organization#examples says that both count the same bytes.
 */
async function bytesOf(
  context: StatementContext,
  query: QueryStatistics | undefined,
  byChildren: bigint,
): Promise<Pick<QueryStatistics, 'totalBytesProcessed' | 'totalBytesBilled'>> {
  const processed = await estimateBytes(context);
  const isFree = query?.ddlOperationPerformed !== undefined;
  const alone = isFree ? 0n : billedBytes(processed, context.referenced.size);
  const billed = alone > byChildren ? alone : byChildren;
  return { totalBytesProcessed: String(processed), totalBytesBilled: String(billed) };
}

/** The rows of all tables of the query times a typical width. BigQuery's own number depends on its storage: [not documented]. */
async function estimateBytes({ referenced, session, warehouse }: StatementContext): Promise<bigint> {
  let bytes = 0n;
  for (const reference of referenced.values()) {
    const table = warehouse.catalog.findTable(reference);
    if (table?.type !== 'TABLE') continue;
    const { value } = await session.value(`select count(*) from ${storageTable(reference)}`);
    bytes += BigInt(String(value)) * BigInt(table.fields.length) * 8n;
  }
  return bytes;
}

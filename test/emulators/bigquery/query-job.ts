import type { Faults } from '../faults.ts';
import { unsupported } from './error.ts';
import type { Job, QueryConfiguration } from './job.ts';
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
        try {
          await new ScriptJob(job, statements, context, services.jobs).run();
        } finally {
          job.record.query = {
            ...job.record.query,
            referencedTables: [...context.referenced.values()],
            totalBytesProcessed: String(await estimateBytes(context)),
          };
        }
      } finally {
        job.stopSignal.removeEventListener('abort', stop);
      }
    }),
  );
}

function defaultsOf(job: Job, { defaultDataset }: QueryConfiguration): NameDefaults {
  const { projectId } = job.record.reference;
  if (!defaultDataset) return { projectId };
  return { projectId: defaultDataset.projectId ?? projectId, datasetId: defaultDataset.datasetId };
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

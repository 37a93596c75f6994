import { gunzipSync } from 'node:zlib';
import type { Installation } from '../../support/installation.ts';

/** Returns everything that an installation stores, as named texts. Takes all messages out of its mailboxes. */
export async function everythingStored(on: Installation): Promise<Map<string, string>> {
  return new Map([
    ...(await controlTables(on)),
    ...(await stagedObjects(on)),
    ...(await jobs(on)),
    ...(await messages(on)),
  ]);
}

async function controlTables({ control }: Installation): Promise<[string, string][]> {
  const { rows } = await control.query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  return await Promise.all(
    rows.map(async ({ name }): Promise<[string, string]> => {
      const { rows: lines } = await control.query(`select t::text as line from ${name} t`);
      return [`control table ${name}`, lines.map(({ line }) => line).join('\n')];
    }),
  );
}

async function stagedObjects({ bucket }: Installation): Promise<[string, string][]> {
  const [files] = await bucket.getFiles();
  return await Promise.all(
    files.map(async (file): Promise<[string, string]> => {
      const [content] = await file.download({ decompress: false, validation: false });
      const text = file.name.endsWith('.gz') ? gunzipSync(content) : content;
      return [`object ${file.name}`, `${JSON.stringify(file.metadata)}\n${text.toString('utf8')}`];
    }),
  );
}

/** Statements, labels, errors and everything else in the metadata of BigQuery jobs. */
async function jobs({ bigquery }: Installation): Promise<[string, string][]> {
  const [found] = await bigquery.getJobs({ allUsers: true });
  return await Promise.all(
    found.map(async (job): Promise<[string, string]> => {
      const [metadata] = await job.getMetadata();
      return [`job ${job.id}`, JSON.stringify(metadata)];
    }),
  );
}

async function messages({ mailboxes }: Installation): Promise<[string, string][]> {
  return await Promise.all(
    Object.entries(mailboxes).map(async ([name, mailbox]): Promise<[string, string]> => {
      const taken = await mailbox.takeRaw();
      return [
        `messages of ${name}`,
        taken.map((data) => Buffer.from(data, 'base64').toString('utf8')).join('\n'),
      ];
    }),
  );
}

// `npm run generate`: writes sql/bigquery anew from the builders, for SMartApp's views.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres } from './emulators/postgres.ts';
import { generatedSql } from './generated-sql.ts';
import { createSmartApp } from './smartapp/create-smartapp.ts';

const folder = fileURLToPath(new URL('../sql/bigquery/', import.meta.url));
const postgres = await startPostgres();
try {
  await postgres.createDatabase('smartapp');
  await createSmartApp(postgres.url('smartapp'), { scale: 0.01 });
  for (const [path, sql] of await generatedSql(postgres.url('smartapp'))) {
    await mkdir(dirname(folder + path), { recursive: true });
    await writeFile(folder + path, sql);
    console.log(`sql/bigquery/${path}`);
  }
} finally {
  await postgres.stop();
}

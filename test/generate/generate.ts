// `npm run generate`: writes sql/bigquery and proto anew from the builders, for SMartApp's views.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../emulators/postgres.ts';
import { createSmartApp } from '../smartapp/create-smartapp.ts';
import { generatedProto } from './generated-proto.ts';
import { generatedSql } from './generated-sql.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const postgres = await startPostgres();
try {
  await postgres.createDatabase('smartapp');
  const url = postgres.url('smartapp');
  await createSmartApp(url, { scale: 0.01 });
  await write('sql/bigquery/', await generatedSql(url));
  await write('proto/', await generatedProto(url, `${root}proto/`));
} finally {
  await postgres.stop();
}

async function write(folder: string, files: Map<string, string>): Promise<void> {
  for (const [path, content] of files) {
    await mkdir(dirname(root + folder + path), { recursive: true });
    await writeFile(root + folder + path, content);
    console.log(folder + path);
  }
}

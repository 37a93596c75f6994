import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startPostgres } from '../emulators/postgres.ts';
import { createSmartApp } from '../smartapp/create-smartapp.ts';
import { createOptions } from '../support/script-options.ts';
import { generatedConfiguration } from './generated-configuration.ts';
import { generatedOperations } from './generated-operations.ts';
import { generatedProto } from './generated-proto.ts';
import { generatedSql } from './generated-sql.ts';
import { SMARTAPP_VIEWS, type Views } from './view-shapes.ts';
import { viewSourceSchema } from './view-source-schema.ts';

const USAGE = `Usage: npm run generate [-- --views <file> --source postgresql://…]

Writes sql/bigquery and proto from the builders, for SMartApp's views; the tables of docs/configuration.md and the JSON Schema of view sources
from the schemas, and the table of docs/operations.md which says why rows differ.

  --views <file>, --source <url>  write only sql/bigquery and proto, for the view sources in the file and the views in that database
  --help, -h                      print this text`;

const root = fileURLToPath(new URL('../../', import.meta.url));
const { read, refuse } = createOptions(USAGE);
const given = read({ views: { type: 'string' }, source: { type: 'string' } });

if (given.views !== undefined && given.source !== undefined) {
  await generate({ file: pathToFileURL(resolve(given.views)), sourceUrl: given.source });
} else if (given.views !== undefined || given.source !== undefined) {
  refuse('--views and --source go together.');
} else {
  const postgres = await startPostgres();
  try {
    await postgres.createDatabase('smartapp');
    const sourceUrl = postgres.url('smartapp');
    await createSmartApp(sourceUrl, { scale: 0.01 });
    await generate({ file: SMARTAPP_VIEWS, sourceUrl });
  } finally {
    await postgres.stop();
  }
  const configuration = await readFile(`${root}docs/configuration.md`, 'utf8');
  const operations = await readFile(`${root}docs/operations.md`, 'utf8');
  await write('sql/source/', new Map([['view-sources.schema.json', viewSourceSchema()]]));
  await write(
    'docs/',
    new Map([
      ['configuration.md', generatedConfiguration(configuration)],
      ['operations.md', generatedOperations(operations)],
    ]),
  );
}

async function generate(views: Views): Promise<void> {
  await write('sql/bigquery/', await generatedSql(views));
  await write('proto/', await generatedProto(views));
}

async function write(folder: string, files: Map<string, string>): Promise<void> {
  for (const [path, content] of files) {
    await mkdir(dirname(root + folder + path), { recursive: true });
    await writeFile(root + folder + path, content);
    console.log(folder + path);
  }
}

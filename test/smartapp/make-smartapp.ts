import { randomBytes } from 'node:crypto';
import { parseDatabaseUrl } from '../../shared/config/database-config.ts';
import { createOptions } from '../support/script-options.ts';
import { createSmartApp, READER_ROLE } from './create-smartapp.ts';

// `npm run smartapp -- postgresql://…` creates the sample application in an empty database of an existing PostgreSQL server
// and prints the SOURCE_DATABASE_URL for the pipeline.

const USAGE = `Usage: npm run smartapp -- postgresql://superuser:password@host:port/database [--scale <x>] [--seed <n>]

Creates SMartApp's tables, views, sample data and reader role in an empty database, all or nothing, and prints the
SOURCE_DATABASE_URL with which npm start replicates it.

  --scale <x>  size of the sample data, as a multiple of the production sizes (default 1)
  --seed <n>   seed of the sample data (default 1)
  --help, -h   print this text`;

process.exitCode = await main().catch((error: Error) => {
  console.error(error.message);
  return 1;
});

/** Exit code 0: SMartApp was created; 1: it was not. */
async function main(): Promise<number> {
  const { parse, refuse, wholeNumber } = createOptions(USAGE);
  const { values, positionals } = parse(
    { scale: { type: 'string', default: '1' }, seed: { type: 'string', default: '1' } },
    { allowPositionals: true },
  );
  const [url = '', ...rest] = positionals;
  const scale = Number(values.scale);
  const seed = wholeNumber('seed', values.seed, 999_999_999);
  if (!(scale > 0)) refuse(`--scale must be a number above 0, not ${values.scale}`);
  if (rest.length > 0) refuse('Name one database.');
  if (parseDatabaseUrl(url) === null) {
    refuse(
      'Name a database as postgresql://…, with @ / ? # % of the password written as %40 %2F %3F %23 %25.',
    );
  }
  const readerPassword = randomBytes(12).toString('hex');
  await createSmartApp(url, {
    scale,
    seed,
    readerPassword,
    onProgress: ({ name, rows }) =>
      console.log(`Sample data: ${rows.toLocaleString('en-US')} rows of ${name}`),
  });
  const reader = new URL(url);
  reader.username = READER_ROLE;
  reader.password = readerPassword;
  console.log(`\nSOURCE_DATABASE_URL=${reader.href}`);
  return 0;
}

import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createSmartApp, READER_ROLE } from './create-smartapp.ts';

// `npm run smartapp -- postgresql://…` creates the sample application in an empty database of an existing PostgreSQL server
// and prints the SOURCE_DATABASE_URL for the pipeline.

const USAGE = `Usage: npm run smartapp -- postgresql://superuser:password@host:port/database [--scale <x>] [--seed <n>]

Creates SMartApp's tables, views, sample data and reader role in an empty database, all or nothing, and prints the
SOURCE_DATABASE_URL with which npm start replicates it.

  --scale <x>  size of the sample data, as a multiple of the production sizes (default 1)
  --seed <n>   seed of the sample data (default 1)`;

process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message);
  return 1;
});

/** Exit code 0: SMartApp was created; 1: it was not; 2: the command line is invalid. */
async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { scale: { type: 'string', default: '1' }, seed: { type: 'string', default: '1' } },
    allowPositionals: true,
  });
  const [url = '', ...rest] = positionals;
  const [scale, seed] = [Number(values.scale), Number(values.seed)];
  if (!URL.canParse(url) || rest.length > 0 || !(scale > 0) || !Number.isInteger(seed)) {
    console.error(USAGE);
    return 2;
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

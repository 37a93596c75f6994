import { startBigQuery } from '../../emulators/bigquery/start-big-query.ts';

// Runs the BigQuery emulator on the data folder of the first argument until it is killed, and prints its addresses in one line.
const [, , dataFolder = ''] = process.argv;
const { url, writeHost } = await startBigQuery({
  dataFolder,
  storageEndpoint: 'http://127.0.0.1:9',
  recordsStatements: false,
});
process.stdout.write(`${JSON.stringify({ url, writeHost })}\n`);

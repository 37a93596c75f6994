import { BigQuery } from '@google-cloud/bigquery';
import { Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import { type BigQueryStandIn, startBigQuery } from '../emulators/bigquery/start-big-query.ts';
import { type Postgres, startPostgres } from '../emulators/postgres.ts';
import { startStorage } from '../emulators/storage/start-storage.ts';
import { READER_ROLE } from '../smartapp/create-smartapp.ts';
import { buildRounds } from './build-rounds.ts';
import { type RunRound, runRoundsOf } from './run-round.ts';

const LOCATION = 'EU';
const DATASETS = ['SMartData_Temp', 'SMartDataAnalytics', 'View_SMartData'];
const SOURCE_DATABASE = 'smartapp';

/** The password of SMartApp's reader role. */
export const READER_PASSWORD = 'bench';

/** The servers that a function needs, and the built function. They run in the process of the bench, so that the process of the function holds nothing else. */
export type BenchStack = {
  postgres: Postgres;
  bigquery: BigQueryStandIn;
  /** The URL of the source as superuser. The database is empty at first. */
  sourceUrl: string;
  /**
   * Creates a project with its bucket and datasets, and returns the environment of a function in it. The caller must create the
   * control database.
   */
  makeProject(projectId: string, controlDatabase: string): Promise<Record<string, string | undefined>>;
  runRound: RunRound;
  [Symbol.asyncDispose](): Promise<void>;
};

export async function startBenchStack(): Promise<BenchStack> {
  const servers = new AsyncDisposableStack();
  try {
    const rounds = servers.adopt(await buildRounds(), (each) => each.remove());
    const postgres = servers.adopt(await startPostgres(), (server) => server.stop());
    const storage = servers.adopt(await startStorage(), (server) => server.close());
    const bigquery = servers.adopt(await startBigQuery({ storageEndpoint: storage.url }), (server) =>
      server.close(),
    );
    await postgres.createDatabase(SOURCE_DATABASE);
    // The client takes the full base URL of an emulator only from this variable.
    process.env.BIGQUERY_EMULATOR_HOST = bigquery.url;
    return {
      postgres,
      bigquery,
      sourceUrl: postgres.url(SOURCE_DATABASE),
      runRound: runRoundsOf(rounds),
      async makeProject(projectId, controlDatabase) {
        const bucket = `${projectId}-staging`;
        const authClient = new PassThroughClient();
        const storageClient = new Storage({ projectId, apiEndpoint: storage.url, authClient });
        await storageClient.createBucket(bucket, { location: LOCATION });
        const bigqueryClient = new BigQuery({ projectId, authClient });
        for (const dataset of DATASETS) await bigqueryClient.createDataset(dataset, { location: LOCATION });
        return {
          ...process.env,
          GOOGLE_CLOUD_PROJECT: projectId,
          BIGQUERY_LOCATION: LOCATION,
          STAGING_BUCKET: bucket,
          CHECK_SETTLE_SECONDS: '0',
          SOURCE_DATABASE_URL: postgres.url(SOURCE_DATABASE, READER_ROLE, READER_PASSWORD),
          CONTROL_DATABASE_URL: postgres.url(controlDatabase),
          STORAGE_EMULATOR_HOST: storage.url,
          BIGQUERY_EMULATOR_HOST: bigquery.url,
          BIGQUERY_STORAGE_EMULATOR_HOST: bigquery.writeHost,
          // A round publishes nothing. The address only keeps the client from looking for the real service.
          PUBSUB_EMULATOR_HOST: '127.0.0.1:9',
          METADATA_SERVER_DETECTION: 'none',
        };
      },
      [Symbol.asyncDispose]: () => servers.disposeAsync(),
    };
  } catch (error) {
    await servers.disposeAsync();
    throw error;
  }
}

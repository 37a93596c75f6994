import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PubSub } from '@google-cloud/pubsub';
import pg from 'pg';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { untilIdle, untilLoaded } from '../../local/catch-up.ts';
import { createBigQuery, PROJECT } from '../../local/cloud.ts';
import { describeFindings } from '../../local/compare/compare.ts';
import { compareViews } from '../../local/compare-views.ts';
import type { Result } from '../../local/result.ts';
import { createSmartApp, READER_ROLE } from '../../smartapp/create-smartapp.ts';
import { Workload } from '../../smartapp/workload.ts';
import { addressOf, Command } from '../../support/command.ts';
import { findFakeGcsServer, startFakeGcsServer } from '../../support/fake-gcs-server.ts';
import { findGooglePubSub, startGooglePubSub } from '../../support/google-pub-sub.ts';

const TIMEOUT_MS = 240_000;

// This process has no credentials, and Google's client must not look for any.
process.env.METADATA_SERVER_DETECTION = 'none';

describe('npm start with external services', () => {
  let folder: string;
  let command: Command | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'smart-datahub-external-services-'));
  });

  afterEach(async () => {
    await command?.end();
    await rm(folder, { recursive: true, force: true });
  });

  describe('with SOURCE_DATABASE_URL', () => {
    let postgres: Postgres;

    before(async () => {
      postgres = await startPostgres();
      await postgres.createDatabase('external');
    });

    after(() => postgres.stop());

    it('replicates that database, even if its content types have other ids (I2)', async () => {
      const ownerUrl = postgres.url('external');
      await createSmartApp(ownerUrl, { scale: 0.02, readerPassword: 'secret' });
      await renumberContentTypes(ownerUrl);
      const sourceUrl = postgres.url('external', READER_ROLE, 'secret');

      command = new Command('local/start.ts', ['--data', folder], {
        SOURCE_DATABASE_URL: sourceUrl,
        GRACE_SECONDS: '1',
      });
      const controlUrl = await addressOf(command, 'control');
      const watched = { controlUrl, extractUrl: await addressOf(command, 'extract') };
      await untilLoaded(watched, AbortSignal.timeout(TIMEOUT_MS));
      const { changes } = await new Workload({ connectionString: ownerUrl }).run({ changes: 200 });
      assert.ok(changes >= 200);
      const states = await untilIdle(watched, AbortSignal.timeout(TIMEOUT_MS));

      assert.ok(states.every(({ batches }) => batches > 1));
      const bigquery = createBigQuery(await addressOf(command, 'BigQuery'));
      const comparisons = await compareViews(states, { sourceUrl, bigquery });
      assert.deepEqual(comparisons.flatMap(describeFindings), []);
      assert.doesNotMatch(command.output, /SMartApp/, 'the stack must not write to an external database');
    });
  });

  const googlePubSub = findGooglePubSub();
  if (googlePubSub === undefined) console.log("  Not tested: Google's Pub/Sub emulator is not installed");
  else {
    it("works with Google's own emulator at PUBSUB_EMULATOR_HOST (I2)", async () => {
      const { host, stop } = await startGooglePubSub(googlePubSub);
      try {
        const args = ['--once', '--scale', '0.05', '--changes', '200', '--json', '--data', folder];
        command = new Command('local/start.ts', args, { PUBSUB_EMULATOR_HOST: host });
        assert.equal(await command.exitCode, 0, command.output);
        const result: Result = JSON.parse(command.lines.at(-1) ?? '');
        assert.ok(result.views.every(({ consistent, batches }) => consistent && batches > 1));

        const pubsub = new PubSub({ projectId: PROJECT, apiEndpoint: host, emulatorMode: true });
        const [subscriptions] = await pubsub.getSubscriptions();
        await pubsub.close();
        assert.deepEqual(subscriptions, [], 'no subscription pushes to the stopped functions');
      } finally {
        await stop();
      }
    });
  }

  const fakeGcsServer = findFakeGcsServer();
  if (fakeGcsServer === undefined) console.log('  Not tested: fake-gcs-server is not installed');
  else {
    it('works with fake-gcs-server at STORAGE_EMULATOR_HOST (I2)', async () => {
      const { url, stop } = await startFakeGcsServer(fakeGcsServer);
      try {
        const args = ['--once', '--scale', '0.05', '--changes', '200', '--json', '--data', folder];
        command = new Command('local/start.ts', args, { STORAGE_EMULATOR_HOST: url });
        assert.equal(await command.exitCode, 0, command.output);
        const result: Result = JSON.parse(command.lines.at(-1) ?? '');
        assert.ok(result.views.every(({ consistent, batches }) => consistent && batches > 1));
      } finally {
        await stop();
      }
    });
  }
});

/** Renumbers all content types, in existing log rows and in all later ones. */
async function renumberContentTypes(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(`
    begin;
    set constraints all deferred;
    update models_logging_change set content_type_id = content_type_id + 1000;
    update django_content_type set id = id + 1000;
    create function renumber_content_type() returns trigger language plpgsql as $$
      begin
        new.content_type_id := new.content_type_id + 1000;
        return new;
      end
    $$;
    create trigger renumber_content_type before insert on models_logging_change
      for each row execute function renumber_content_type();
    commit`);
  await client.end();
}

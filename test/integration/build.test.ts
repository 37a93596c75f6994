import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as elapse } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** What Cloud Functions is given: package, built code, SQL and messages, in a folder of its own. */
describe('what is deployed', () => {
  let folder: string;

  before(async function () {
    this.timeout(120_000);
    folder = await mkdtemp(join(tmpdir(), 'deployed-'));
    await Promise.all([
      cp(join(ROOT, 'package.json'), join(folder, 'package.json')),
      cp(join(ROOT, 'sql'), join(folder, 'sql'), { recursive: true }),
      cp(join(ROOT, 'proto'), join(folder, 'proto'), { recursive: true }),
      symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction'),
    ]);
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    await run(
      process.execPath,
      [compiler, '--project', 'tsconfig.build.json', '--outDir', join(folder, 'dist')],
      {
        cwd: ROOT,
      },
    );
  });
  after(() => rm(folder, { recursive: true }));

  for (const target of ['extract', 'merge', 'stream']) {
    it(`starts as ${target}, and answers what its environment lacks`, async () => {
      await using deployed = await Deployed.start(folder, target);

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

  it('I8 answers a control database that cannot be reached so that the message comes again', async () => {
    await using deployed = await Deployed.start(folder, 'extract', {
      GOOGLE_CLOUD_PROJECT: 'smart-project',
      SOURCE_DATABASE_URL: 'postgresql://reader:hunter2@127.0.0.1:1/smartapp',
      CONTROL_DATABASE_URL: 'postgresql://control:hunter3@127.0.0.1:1/control',
      STAGING_BUCKET: 'staging',
      BIGQUERY_LOCATION: 'EU',
    });

    const response = await deployed.call({ view: 'pmr_project' });

    const text = await response.text();
    assert.equal(response.status, 503);
    assert.match(text, /"kind":"transient","message":"control database: .*ECONNREFUSED/);
    assert.doesNotMatch(text + deployed.output, /hunter/);
  });

  it('finds its SQL through the package', async () => {
    const migrate = pathToFileURL(join(folder, 'dist/shared/control/migrate.js')).href;
    const script = `import(${JSON.stringify(migrate)}).then(({ migrate }) => migrate({ connect: async () => { throw new Error('reached the database') } })).catch((error) => console.log(error.message))`;

    const { stdout } = await run(process.execPath, ['--eval', script], { cwd: folder });

    assert.match(stdout, /reached the database/);
  });

  it('finds its messages through the package', async () => {
    const module = pathToFileURL(join(folder, 'dist/shared/warehouse/stream-message.js')).href;
    const script = `import(${JSON.stringify(module)}).then(({ loadStreamMessage }) => loadStreamMessage('incident')).then(({ type }) => console.log(type.name))`;

    const { stdout } = await run(process.execPath, ['--eval', script], { cwd: folder });

    assert.equal(stdout.trim(), 'Incident');
  });

  it('refuses to start as a function that does not exist, and names those that do', async () => {
    const { code, output } = await failedStart(folder, 'exract');

    assert.notEqual(code, 0);
    assert.match(output, /FUNCTION_TARGET is "exract"; it must be one of extract, merge, stream/);
  });

  it('loads of each function only what that one needs', async () => {
    const loaded = async (target: string) => {
      const entry = pathToFileURL(join(folder, 'dist/functions/index.js')).href;
      const recorder = join(folder, `record-${target}.mjs`);
      // A hook that notes every module as it is resolved.
      await writeFile(
        recorder,
        `import { registerHooks } from 'node:module';
         registerHooks({ resolve(specifier, context, next) {
           const resolved = next(specifier, context);
           console.log(resolved.url);
           return resolved;
         } });
         await import(${JSON.stringify(entry)});`,
      );
      const { stdout } = await run(process.execPath, [recorder], {
        cwd: folder,
        env: { ...process.env, FUNCTION_TARGET: target },
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout;
    };

    const [extract, merge, stream] = await Promise.all(['extract', 'merge', 'stream'].map(loaded));
    assert.ok(extract && merge && stream);

    assert.match(extract, /functions\/extract\/extract-view\.js/);
    assert.doesNotMatch(extract, /functions\/merge\//);
    assert.match(merge, /functions\/merge\/merge-batch\.js/);
    assert.doesNotMatch(merge, /functions\/extract\/|shared\/source\//);
    assert.match(stream, /functions\/stream\/stream-batch\.js/);
    assert.doesNotMatch(stream, /functions\/(extract|merge)\/|shared\/source\//);
    for (const other of [extract, merge]) assert.doesNotMatch(other, /bigquery-storage|protobufjs/);
  });

  it('names a main file that exists in the build', async () => {
    const { main } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { main: string };

    assert.ok((await readFile(join(folder, main), 'utf8')).length > 0);
  });
});

/** A built function under the Functions Framework, in a process of its own. */
class Deployed {
  output = '';
  readonly #process: ChildProcess;
  readonly #port: number;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.#port = port;
    for (const stream of [process.stdout, process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString('utf8');
      });
    }
  }

  static async start(folder: string, target: string, env: Record<string, string> = {}): Promise<Deployed> {
    const port = await freePort();
    const deployed = new Deployed(launch(folder, target, port, env), port);
    await deployed.#listening();
    return deployed;
  }

  /** A call by hand, with a JSON body. */
  call(body: object): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#port}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }

  async #listening(): Promise<void> {
    const deadlineMs = Date.now() + 30_000;
    for (;;) {
      const answers = await fetch(`http://127.0.0.1:${this.#port}/robots.txt`).catch(() => null);
      if (answers !== null) return;
      if (this.#process.exitCode !== null || Date.now() > deadlineMs) {
        throw new Error(`it does not start: ${this.output}`);
      }
      await elapse(30);
    }
  }
}

/** Starts a function that is expected to exit by itself. */
async function failedStart(folder: string, target: string): Promise<{ code: number | null; output: string }> {
  const child = launch(folder, target, await freePort(), {});
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  await once(child, 'close');
  return { code: child.exitCode, output };
}

function launch(folder: string, target: string, port: number, env: Record<string, string>): ChildProcess {
  const framework = join(ROOT, 'node_modules/@google-cloud/functions-framework/build/src/main.js');
  return spawn(process.execPath, [framework, `--target=${target}`, `--port=${port}`], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Nothing of the tests' own environment but what a process needs.
    env: {
      PATH: process.env.PATH ?? '',
      METADATA_SERVER_DETECTION: 'none',
      FUNCTION_TARGET: target,
      ...env,
    },
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

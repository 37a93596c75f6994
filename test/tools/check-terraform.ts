/**
 * The command `npm run check:terraform`: everything that Terraform itself can say of terraform/ on this machine: the form of the
 * files, `validate`, and the tests of terraform/tests. Where the providers are out of reach, that is said, and a stand-in with the
 * google provider's schema takes their place. Where there is no Terraform, that is said, and nothing is checked. The exit code is
 * 0 only if no fault was found.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfiguration, TERRAFORM_FOLDER } from './terraform/configuration.ts';
import { loadProviderSchema } from './terraform/provider-schema.ts';
import { startSchemaProvider } from './terraform/schema-provider.ts';

const ROOT = join(TERRAFORM_FOLDER, '..');
/** What Terraform says of a registry that does not answer, or of a network that is not there. */
const OUT_OF_REACH = /Failed to (query available provider packages|install provider)/;

interface Outcome {
  isOk: boolean;
  output: string;
}

/** Throws when there is no such program. */
function terraform(folder: string, args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const quiet = { NO_COLOR: '1', TF_IN_AUTOMATION: '1', CHECKPOINT_DISABLE: '1' };
  const options = { cwd: folder, env: { ...process.env, ...quiet, ...env }, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    execFile('terraform', [...args, '-no-color'], options, (error, stdout, stderr) => {
      if (error?.code === 'ENOENT') reject(error);
      else resolve({ isOk: error === null, output: stdout + stderr });
    });
  });
}

function report(what: string, { isOk, output }: Outcome): void {
  console.log(`${isOk ? 'ok      ' : 'refused '} ${what}`);
  if (isOk) return;
  console.error(output);
  process.exitCode = 1;
}

/** A copy, so that nothing is left behind in the repository; what is archived is copied with it. */
async function copyTo(folder: string): Promise<string> {
  const { include } = JSON.parse(await readFile(join(TERRAFORM_FOLDER, 'archive.json'), 'utf8')) as {
    include: string[];
  };
  const tops = new Set(['terraform', ...include.map((pattern) => pattern.split('/')[0] ?? '')]);
  for (const top of tops) await cp(join(ROOT, top), join(folder, top), { recursive: true });
  return join(folder, 'terraform');
}

async function checkWhole(folder: string): Promise<void> {
  const init = ['init', '-input=false', '-backend=false'];
  let ready = await terraform(folder, init);
  let env = {};
  await using started = new AsyncDisposableStack();
  if (!ready.isOk && OUT_OF_REACH.test(ready.output)) {
    console.log('NOTE     the providers are out of reach from here: their schema takes their place');
    const { resources, dataSources } = await readConfiguration();
    const types = {
      resources: resources.map(({ type }) => type),
      dataSources: dataSources.map(({ type }) => type),
    };
    env = started.use(await startSchemaProvider(await loadProviderSchema(), types)).env;
    ready = await terraform(folder, init, env);
  }
  if (!ready.isOk) return report('init', ready);
  report('validate', await terraform(folder, ['validate'], env));
  report('tests', await terraform(folder, ['test'], env));
}

const folder = await mkdtemp(join(tmpdir(), 'check-terraform-'));
try {
  report('form', await terraform(TERRAFORM_FOLDER, ['fmt', '-check', '-diff', '-recursive']));
  await checkWhole(await copyTo(folder));
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  console.log('NOT RUN  anything: there is no program `terraform` in the PATH');
} finally {
  await rm(folder, { recursive: true });
}

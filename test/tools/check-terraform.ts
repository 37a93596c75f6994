/**
 * The command `npm run check:terraform`: everything that Terraform itself can say of terraform/ on this machine. The form of the
 * files and the rules of variables need nothing but the program; `validate` and the planned tests need the providers, which may be
 * out of reach: that is said, and is no fault. The exit code is 0 only if no fault was found.
 */
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TERRAFORM_FOLDER } from './terraform/configuration.ts';

const ROOT = join(TERRAFORM_FOLDER, '..');
/** What Terraform says of a registry that does not answer, or of a network that is not there. */
const OUT_OF_REACH = /Failed to (query available provider packages|install provider)/;

function terraform(folder: string, ...args: string[]): { isOk: boolean; output: string } {
  const { status, stdout, stderr, error } = spawnSync('terraform', args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', TF_IN_AUTOMATION: '1', CHECKPOINT_DISABLE: '1' },
  });
  if (error !== undefined) throw error;
  return { isOk: status === 0, output: stdout + stderr };
}

function report(what: string, { isOk, output }: { isOk: boolean; output: string }): void {
  console.log(`${isOk ? 'ok      ' : 'refused '} ${what}`);
  if (isOk) return;
  console.error(output);
  process.exitCode = 1;
}

/** Variables and names depend on no provider: alone in a folder, they can be tested anywhere. */
async function checkVariables(folder: string): Promise<void> {
  for (const file of ['variables.tf', 'locals.tf', 'tests/variables.tftest.hcl']) {
    await cp(join(TERRAFORM_FOLDER, file), join(folder, file));
  }
  const ready = terraform(folder, 'init', '-no-color', '-input=false');
  report('rules of variables', ready.isOk ? terraform(folder, 'test', '-no-color') : ready);
}

/** A copy, so that nothing is left behind in the repository; what is archived is copied with it. */
async function checkWithProviders(folder: string): Promise<void> {
  const { include } = JSON.parse(await readFile(join(TERRAFORM_FOLDER, 'archive.json'), 'utf8')) as {
    include: string[];
  };
  const tops = new Set(['terraform', ...include.map((pattern) => pattern.split('/')[0] ?? '')]);
  for (const top of tops) await cp(join(ROOT, top), join(folder, top), { recursive: true });
  const copy = join(folder, 'terraform');
  const ready = terraform(copy, 'init', '-no-color', '-input=false', '-backend=false');
  if (!ready.isOk && OUT_OF_REACH.test(ready.output)) {
    console.log('NOT RUN  validate and planned tests: the providers are out of reach from here');
    return;
  }
  if (!ready.isOk) return report('init', ready);
  report('validate', terraform(copy, 'validate', '-no-color'));
  report('planned tests', terraform(copy, 'test', '-no-color'));
}

try {
  report('form', terraform(TERRAFORM_FOLDER, 'fmt', '-check', '-diff', '-recursive', '-no-color'));
  const folder = await mkdtemp(join(tmpdir(), 'check-terraform-'));
  try {
    await checkVariables(join(folder, 'variables'));
    await checkWithProviders(join(folder, 'whole'));
  } finally {
    await rm(folder, { recursive: true });
  }
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  console.log('NOT RUN  anything: there is no program `terraform` in the PATH');
}

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFiles, TERRAFORM_FOLDER, typesOf } from './configuration.ts';
import { loadProviderSchema } from './provider-schema.ts';
import { startSchemaProvider } from './schema-provider.ts';
import { type Outcome, terraform, terraformVersion } from './terraform-program.ts';

const ROOT = join(TERRAFORM_FOLDER, '..');
/** Folders that contain HCL. */
const FOLDERS = [TERRAFORM_FOLDER, import.meta.dirname];
/** Terraform's message if the registry does not answer or there is no network. */
const OUT_OF_REACH = /Failed to (query available provider packages|install provider)/;

export interface TerraformCheck {
  /** Terraform's output for each failed step; empty if it found no problem. */
  problems: Record<string, string>;
  /** The steps that found no problem. */
  passed: string[];
  /** What could not be checked here, and what was replaced. */
  notes: string[];
}

/**
 * Checks terraform/ with the Terraform of this machine: `fmt`, `validate`, the tests of terraform/tests and of this folder, and the
 * values of terraform.tfvars.example. If the providers cannot be downloaded, a local provider with their schemas replaces them. If
 * Terraform is not installed, nothing is checked. The notes report both.
 */
export async function checkTerraform(): Promise<TerraformCheck> {
  const check: TerraformCheck = { problems: {}, passed: [], notes: [] };
  const version = await terraformVersion();
  if (version === null) {
    check.notes.push('NOT RUN, because there is no program `terraform` in the PATH');
    return check;
  }
  const folder = await mkdtemp(join(tmpdir(), 'check-terraform-'));
  try {
    add(check, 'format', await terraform(ROOT, ['fmt', '-check', '-diff', '-recursive', ...FOLDERS]));
    await checkCopy(check, await copyTo(folder), version);
  } finally {
    await rm(folder, { recursive: true });
  }
  return check;
}

function add(check: TerraformCheck, step: string, { isOk, output }: Outcome): void {
  if (isOk) check.passed.push(step);
  else check.problems[step] = output;
}

/** Copies terraform/ and the archived files, so that Terraform writes nothing into the repository. */
async function copyTo(folder: string): Promise<string> {
  const { include } = JSON.parse(await readFile(join(TERRAFORM_FOLDER, 'archive.json'), 'utf8')) as {
    include: string[];
  };
  const tops = new Set(['terraform', ...include.map((pattern) => pattern.split('/')[0] ?? '')]);
  for (const top of tops) await cp(join(ROOT, top), join(folder, top), { recursive: true });
  return join(folder, 'terraform');
}

async function checkCopy(check: TerraformCheck, folder: string, [major, minor]: [number, number]) {
  // From this release on, a mock provider computes ids during a plan.
  if (major > 1 || minor >= 11) {
    await cp(join(import.meta.dirname, 'wiring.tftest.hcl'), join(folder, 'tests/wiring.tftest.hcl'));
  } else check.notes.push('NOT RUN: the tests of the wiring, which need Terraform 1.11');

  const init = ['init', '-input=false', '-backend=false'];
  let ready = await terraform(folder, init);
  let env = {};
  await using started = new AsyncDisposableStack();
  if (!ready.isOk && OUT_OF_REACH.test(ready.output)) {
    check.notes.push(
      'the providers cannot be downloaded here; a local provider with their schemas replaces them',
    );
    const files = await readFiles();
    const types = { resources: typesOf(files, 'resource'), dataSources: typesOf(files, 'data') };
    env = started.use(await startSchemaProvider(await loadProviderSchema(), types)).env;
    ready = await terraform(folder, init, env);
  }
  if (!ready.isOk) return add(check, 'init', ready);
  add(check, 'validate', await terraform(folder, ['validate'], env));
  add(check, 'tests', await terraform(folder, ['test'], env));
  add(check, 'example', await testExample(folder, env));
}

/** Plans with terraform.tfvars.example, first unchanged, then with the values in its comments. */
async function testExample(folder: string, env: Record<string, string>): Promise<Outcome> {
  const example = await readFile(join(folder, 'terraform.tfvars.example'), 'utf8');
  await mkdir(join(folder, 'example'));
  await cp(join(import.meta.dirname, 'example.tftest.hcl'), join(folder, 'example/example.tftest.hcl'));
  for (const values of [example, openComments(example)]) {
    await writeFile(join(folder, 'example/values.tfvars'), values);
    const args = ['test', '-test-directory=example', '-var-file=example/values.tfvars'];
    const outcome = await terraform(folder, args, env);
    if (!outcome.isOk || outcome.output.includes('undeclared variable')) return { ...outcome, isOk: false };
  }
  return { isOk: true, output: '' };
}

/** Uncomments the commented values. The lines after a comment "Instead of NAME:" replace the value NAME. */
function openComments(example: string): string {
  const opened = example.replaceAll(/^( *)# (?=(\w+ += | {2}\S|-----|PEM$))/gm, '$1');
  const replaced = [...example.matchAll(/^# Instead of (\w+):$/gm)].map(([, name]) => name ?? '');
  return replaced.reduce(
    (text, name) => text.replace(new RegExp(`^${name} += \\{\\n(?:.*\\n)*?\\}\\n`, 'm'), ''),
    opened,
  );
}

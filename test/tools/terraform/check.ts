import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfiguration, TERRAFORM_FOLDER } from './configuration.ts';
import { openComments } from './example-values.ts';
import { loadProviderSchema } from './provider-schema.ts';
import { REFUSED_VALUES, type RefusedValue } from './refused-values.ts';
import { startSchemaProvider } from './schema-provider.ts';
import { type Outcome, terraform, terraformVersion } from './terraform-program.ts';

const ROOT = join(TERRAFORM_FOLDER, '..');
/** Where HCL is. */
const FOLDERS = [TERRAFORM_FOLDER, import.meta.dirname];
/** What Terraform says of a registry that does not answer, or of a network that is not there. */
const OUT_OF_REACH = /Failed to (query available provider packages|install provider)/;

export interface TerraformCheck {
  /** What Terraform refused, by what it was asked; empty when it found no fault. */
  faults: Record<string, string>;
  passed: string[];
  /** What could not be checked here, and what stood in for what. */
  notes: string[];
}

/**
 * Everything that Terraform itself can say of terraform/ on this machine: the form of the files, `validate`, the tests of
 * terraform/tests, the example's values, the wiring, and what it says of values that are no good. Where the providers are out of reach, a
 * stand-in with their schemas takes their place; where there is no Terraform, nothing is checked. Both are noted.
 */
export async function checkTerraform(): Promise<TerraformCheck> {
  const check: TerraformCheck = { faults: {}, passed: [], notes: [] };
  const version = await terraformVersion();
  if (version === null) {
    check.notes.push('NOT RUN: there is no program `terraform` in the PATH');
    return check;
  }
  const folder = await mkdtemp(join(tmpdir(), 'check-terraform-'));
  try {
    add(check, 'form', await terraform(ROOT, ['fmt', '-check', '-diff', '-recursive', ...FOLDERS]));
    await checkCopy(check, await copyTo(folder), version);
  } finally {
    await rm(folder, { recursive: true });
  }
  return check;
}

function add(check: TerraformCheck, what: string, { isOk, output }: Outcome): void {
  if (isOk) check.passed.push(what);
  else check.faults[what] = output;
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

async function checkCopy(check: TerraformCheck, folder: string, [major, minor]: [number, number]) {
  await writeExampleTest(folder);
  const batches = batchesOf(REFUSED_VALUES);
  await writeRefusalTests(folder, batches);
  // A mock tells what it would make, such as ids, only from this release on.
  if (major > 1 || minor >= 11) {
    await cp(join(import.meta.dirname, 'wiring.tftest.hcl'), join(folder, 'tests/wiring.tftest.hcl'));
  } else check.notes.push('NOT RUN: the tests of the wiring want Terraform 1.11');

  const init = ['init', '-input=false', '-backend=false'];
  let ready = await terraform(folder, init);
  let env = {};
  await using started = new AsyncDisposableStack();
  if (!ready.isOk && OUT_OF_REACH.test(ready.output)) {
    check.notes.push('the providers are out of reach from here: their schema takes their place');
    const { resources, dataSources } = await readConfiguration();
    const types = {
      resources: resources.map(({ type }) => type),
      dataSources: dataSources.map(({ type }) => type),
    };
    env = started.use(await startSchemaProvider(await loadProviderSchema(), types)).env;
    ready = await terraform(folder, init, env);
  }
  if (!ready.isOk) return add(check, 'init', ready);
  add(check, 'validate', await terraform(folder, ['validate'], env));
  const [tests, refusals] = await Promise.all([
    terraform(folder, ['test'], env),
    terraform(folder, ['test', '-json', `-test-directory=${REFUSALS}`], env),
  ]);
  add(check, 'tests', tests);
  const faults = batches.flatMap((batch, index) => refusalFaults(batch, index, refusals.output));
  add(check, 'refusals', { isOk: faults.length === 0, output: faults.join('\n') });
}

const MOCKS = ['archive', 'google', 'time'].map((name) => `mock_provider "${name}" {}\n`).join('');
const REQUIRED = {
  project: 'my-project',
  location: 'asia-southeast1',
  region: 'asia-southeast1',
  alert_emails: ['data-team@example.com'],
};

/** What is written for the example is what it holds: the values of a .tfvars file have the form of those of a run. */
async function writeExampleTest(folder: string): Promise<void> {
  const shipped = await readFile(join(folder, 'terraform.tfvars.example'), 'utf8');
  const run = (name: string, values: string) =>
    `run "${name}" {\n  command = plan\n  variables {\n${values}\n  }\n}\n`;
  const text = [MOCKS, run('accepts_the_example', shipped), run('and_all_of_it', openComments(shipped))];
  await writeFile(join(folder, 'tests/example.tftest.hcl'), text.join('\n'));
}

const REFUSALS = 'refusals';

/** One file for each batch, since a run that fails ends its file. */
async function writeRefusalTests(folder: string, batches: RefusedValue[][]): Promise<void> {
  await mkdir(join(folder, REFUSALS));
  for (const [index, values] of batches.entries()) {
    const given = Object.assign({}, REQUIRED, ...values.map(({ variables }) => variables)) as object;
    const lines = Object.entries(given).map(([name, value]) => `    ${name} = ${JSON.stringify(value)}\n`);
    const text = `${MOCKS}run "r" {\n  command = plan\n  variables {\n${lines.join('')}  }\n}\n`;
    await writeFile(join(folder, REFUSALS, `${index}.tftest.hcl`), text);
  }
}

/** Variables whose rules look at each other. */
const RELATED = [
  ['alert_after', 'schedule'],
  ['control_database', 'control_instance', 'location', 'region', 'source_database', 'vpc'],
];

/** Values that one run can hold, as they are of variables that have nothing to do with each other: a run takes a fifth of a second. */
function batchesOf(values: RefusedValue[]): RefusedValue[][] {
  const groupsOf = ({ variables }: RefusedValue) =>
    Object.keys(variables).map((name) => RELATED.find((names) => names.includes(name))?.[0] ?? name);
  const batches: RefusedValue[][] = [];
  for (const value of values) {
    const groups = groupsOf(value);
    const free = batches.find((batch) => !batch.flatMap(groupsOf).some((group) => groups.includes(group)));
    if (free === undefined) batches.push([value]);
    else free.push(value);
  }
  return batches;
}

/** A line of `terraform test -json`. */
interface TestLine {
  '@testfile'?: string;
  diagnostic?: { severity: string; summary: string; detail: string };
}

/** What was not said of a batch's values, and what was said besides. */
function refusalFaults(batch: RefusedValue[], index: number, output: string): string[] {
  const said = output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as TestLine)
    .filter((line) => line['@testfile'] === `${REFUSALS}/${index}.tftest.hcl`)
    .flatMap(({ diagnostic }) => (diagnostic?.severity === 'error' ? [diagnostic] : []))
    // Under a variable's own message stands where its rule is.
    .map(({ summary, detail }) =>
      (detail.split('\n\nThis was checked by')[0] || summary).replaceAll(/\s+/g, ' '),
    );
  const names = batch.map(({ what }) => what).join(', ');
  return [
    ...batch
      .filter(({ message }) => !said.some((text) => message.test(text)))
      .map(({ what, message }) => `${what}: is not refused by ${message}`),
    ...said
      .filter((text) => !batch.some(({ message }) => message.test(text)))
      .map((text) => `of ${names} was said: ${text}`),
    ...(said.length > batch.length ? [`of ${names} was said: ${said.join(' | ')}`] : []),
  ];
}

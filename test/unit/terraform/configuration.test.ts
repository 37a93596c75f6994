import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENVIRONMENT_NAMES, parseConfig } from '../../../shared/config/config.ts';
import { parseExtractEvent } from '../../../shared/events/extract-event.ts';
import { ADMIN, FUNCTIONS } from '../../local/functions.ts';
import { brokenLinks } from '../../support/broken-links.ts';
import { ROOT, readDocuments } from '../../support/documents.ts';
import { readFiles, readLocals, typesOf } from '../../tools/terraform/configuration.ts';

const USABLE = {
  GOOGLE_CLOUD_PROJECT: 'smart-project',
  CONTROL_DATABASE_URL: 'postgresql://control@db.example/control',
  STAGING_BUCKET: 'smart-staging',
  BIGQUERY_LOCATION: 'EU',
};

/** Checks that the configuration agrees with the rest of the repository. terraform/tests check Terraform's plans. */
describe('the Terraform configuration', () => {
  let files: Record<string, string>;
  let text: string;
  let locals: Record<string, unknown>;

  before(async () => {
    [files, locals] = await Promise.all([readFiles(), readLocals()]);
    text = Object.values(files).join('\n');
  });

  const local = <T>(name: string) => locals[name] as T;
  const read = async (path: string) => JSON.parse(await readFile(join(ROOT, path), 'utf8')) as unknown;

  describe('gives the functions', () => {
    it('exactly the variables that they read', () => {
      assert.deepEqual(Object.keys(local<object>('environment')).toSorted(), ENVIRONMENT_NAMES.toSorted());
    });

    it('every required variable in every installation', () => {
      const environment = local<Record<string, string>>('environment');
      const required = ENVIRONMENT_NAMES.filter((name) => refusalOf({}).includes(`${name} is missing`));

      assert.equal(required.length, 5);
      for (const name of required) assert.doesNotMatch(String(environment[name]), /null|var\.settings/, name);
    });

    it('I12 a valid source URL that leads nowhere, if they may not read the secret', () => {
      const { sourceDatabase } = parseConfig({ ...USABLE, ...local<Record<string, string>>('no_source') });

      assert.equal(sourceDatabase.url.reveal(), 'postgresql://nobody@localhost/nothing');
    });

    it('the same default topics and datasets as in the code', () => {
      const { topics, datasets } = parseConfig({ ...USABLE, ...local<Record<string, string>>('no_source') });
      const { deadLetter, ...others } = topics;

      assert.deepEqual(defaultsOf('topics'), { ...others, dead_letter: deadLetter });
      assert.deepEqual(defaultsOf('datasets'), datasets);
    });

    it('the same names and topics as in the local stack', () => {
      const entries = Object.entries(local<Record<string, { topic: string }>>('function_entries'));

      assert.deepEqual(
        entries.map(([name, { topic }]) => [name, defaultsOf('topics')[topic]]).toSorted(),
        [[ADMIN.name, undefined], ...FUNCTIONS.map(({ name, topic }) => [name, topic])].toSorted(),
      );
    });

    it('ticks that extract understands', () => {
      const [, trigger] = /jsonencode\(\{ trigger = "(\w+)" \}\)/.exec(files['scheduler.tf'] ?? '') ?? [];

      assert.deepEqual(parseExtractEvent({ trigger }), { command: 'tick', trigger: 'scheduler' });
    });

    it('the Node version of package.json', async () => {
      const { engines } = (await read('package.json')) as { engines: { node: string } };

      assert.match(text, new RegExp(`runtime += "nodejs${engines.node}"`));
    });

    it('an archive of existing files, without development files', async () => {
      const { include } = (await read('terraform/archive.json')) as { include: string[] };
      const archived = include.map((pattern) => globSync(pattern, { cwd: ROOT }));

      assert.deepEqual(
        include.filter((_, index) => archived[index]?.length === 0),
        [],
      );
      assert.deepEqual(
        archived.flat().filter((path) => /^(test|terraform|node_modules|\.)|\.test\.ts$|\.md$/.test(path)),
        [],
      );
    });
  });

  it('names an existing section of the operator’s guide in every alert', async () => {
    const [guide = ''] = local<string>('operations').split(' ');
    const alerts = ['log_alerts', 'count_alerts', 'absence_alerts'].flatMap((list) =>
      Object.values(local<Record<string, { section: string }>>(list)),
    );
    const links = alerts.map(({ section }) => `[it](${guide}#${section})`).join('\n');

    assert.ok(alerts.length > 0);
    assert.deepEqual(
      brokenLinks([{ path: 'alerts.tf', text: links }, ...(await readDocuments())], () => false).filter(
        (broken) => broken.startsWith('alerts.tf'),
      ),
      [],
    );
  });

  it('declares variables in alphabetical order, with type and description, and uses each', () => {
    const blocks = (files['variables.tf'] ?? '').split(/^(?=variable ")/m).slice(1);
    const names = blocks.map((block) => /"(\w+)"/.exec(block)?.[1] ?? '');
    const others = Object.entries(files).map(([name, one]) => (name === 'variables.tf' ? '' : one));

    assert.deepEqual(names, names.toSorted());
    for (const [index, name] of names.entries()) {
      assert.match(blocks[index] ?? '', /^ {2}description = "\w.*^ {2}type +=/ms, name);
      assert.doesNotMatch(blocks[index] ?? '', /\(any\)|= any$/m, name);
      assert.match(others.join('\n'), new RegExp(`\\bvar\\.${name}\\b`));
    }
  });

  it('protects datasets from deletion', () => {
    assert.match(
      files['datasets.tf'] ?? '',
      /^resource "google_bigquery_dataset" "dataset" \{[^}]*prevent_destroy = true/m,
    );
  });

  it('I12 grants no basic role, nothing to the public, and only four roles on the project', () => {
    assert.doesNotMatch(text, /roles\/(owner|editor|viewer)"|"all(Authenticated)?Users"/);
    const blocks = text.matchAll(/^resource "google_project_iam\w+" "(\w+)" \{(.*?)^\}/gms);
    assert.deepEqual(
      [...blocks].map(([, name, block = '']) => [name, /^ {2}role += "([^"]+)"/m.exec(block)?.[1]]),
      [
        ['job_user', 'roles/bigquery.jobUser'],
        ['cloud_sql_client', 'roles/cloudsql.client'],
        ['build_log_writer', 'roles/logging.logWriter'],
        ['build_source_reader', 'roles/storage.objectViewer'],
      ],
    );
  });

  it('I12 grants no role that the documents do not explain', async () => {
    const explained = (await readDocuments()).map((document) => document.text).join('\n');
    const given = [...text.matchAll(/"(roles\/[\w.]+)"/g)].map(([, role = '']) => role);

    assert.ok(given.length > 10);
    for (const role of given) assert.ok(explained.includes(role), role);
  });

  it('I12 keeps no secret’s value in a variable or in the state', () => {
    const types = [...typesOf(files, 'resource')];

    assert.deepEqual(
      types.filter((type) => /secret_version|google_sql_user|random_password/.test(type)),
      [],
    );
    assert.doesNotMatch(files['variables.tf'] ?? '', /^ *\w*password\w* +=|^variable "\w*password/im);
  });

  /** The defaults of an object variable's attributes. */
  function defaultsOf(variable: string): Record<string, string> {
    const [, block = ''] = new RegExp(`^variable "${variable}" \\{(.*?)^\\}`, 'ms').exec(text) ?? [];
    const attributes = block.matchAll(/(\w+)\s*=\s*optional\(string, "([^"]*)"\)/g);
    return Object.fromEntries([...attributes].map(([, name, value]) => [name, value]));
  }
});

function refusalOf(env: Record<string, string>): string {
  try {
    parseConfig(env);
  } catch (error) {
    return String(error);
  }
  return '';
}

import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENVIRONMENT_NAMES, parseConfig } from '../../../shared/config/config.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { parseExtractEvent } from '../../../shared/events/messages.ts';
import { FUNCTIONS } from '../../local/functions.ts';
import { valueFaults } from '../../tools/terraform/argument-values.ts';
import { innerBody, resourceBody } from '../../tools/terraform/blocks.ts';
import {
  type Body,
  type Configuration,
  readConfiguration,
  TERRAFORM_FOLDER,
} from '../../tools/terraform/configuration.ts';
import { faultsOf } from '../../tools/terraform/faults.ts';
import { loadProviderSchema, type ProviderSchema } from '../../tools/terraform/provider-schema.ts';

const ROOT = join(TERRAFORM_FOLDER, '..');

describe('the Terraform configuration', () => {
  let schema: ProviderSchema;
  let configuration: Configuration;

  before(async () => {
    [schema, configuration] = await Promise.all([loadProviderSchema(), readConfiguration()]);
  });

  const resource = (address: string): Body => resourceBody(configuration, address);
  const local = <T>(name: string) => configuration.locals[name] as T;

  it('has only types, arguments, blocks and references that the provider and Terraform know', async () => {
    assert.deepEqual(await faultsOf(configuration, schema), []);
  });

  it('gives arguments that take one of a few values one of them, and offers no others', () => {
    assert.deepEqual(valueFaults(configuration), []);
  });

  it('wants a release of the provider that it was checked against', async () => {
    const versions = await readFile(join(TERRAFORM_FOLDER, 'versions.tf'), 'utf8');
    const [major, minor] = schema.version.split('.').map(Number);

    assert.match(versions, new RegExp(`">= ${major}\\.${minor}, < ${Number(major) + 1}\\.0"`));
  });

  it('gives every variable a place in the alphabet, and each a type of its own', async () => {
    const text = await readFile(join(TERRAFORM_FOLDER, 'variables.tf'), 'utf8');
    const names = [...text.matchAll(/^variable "(\w+)"/gm)].map(([, name]) => name ?? '');

    assert.ok(names.length > 0);
    assert.deepEqual(names, names.toSorted());
    assert.deepEqual(names.toSorted(), Object.keys(configuration.variables).toSorted());
  });

  describe('gives the functions', () => {
    it('variables that they read, all of them, and no others', () => {
      assert.deepEqual(Object.keys(local<object>('environment')).toSorted(), ENVIRONMENT_NAMES.toSorted());
    });

    it('every variable that they cannot do without, in any installation', () => {
      const refused = refusalOf({});
      const required = ENVIRONMENT_NAMES.filter((name) => refused.includes(`${name} is missing`));
      const environment = local<Record<string, string>>('environment');

      assert.equal(required.length, 5);
      for (const name of required) assert.doesNotMatch(String(environment[name]), /null|var\.settings/, name);
    });

    it('a source that parses, and leads nowhere, where they may not read its secret', () => {
      const usable = {
        GOOGLE_CLOUD_PROJECT: 'smart-project',
        CONTROL_DATABASE_URL: 'postgresql://control@db.example/control',
        STAGING_BUCKET: 'smart-staging',
        BIGQUERY_LOCATION: 'EU',
      };

      const config = parseConfig({ ...usable, ...local<Record<string, string>>('no_source') });

      assert.equal(config.sourceDatabase.url.reveal(), 'postgresql://nobody@localhost/nothing');
      assert.match(String(local('function_environment')), /local\.no_source/);
    });

    it('the topic that each listens to, and the names that each has by itself', () => {
      const functions = local<Record<string, { topic: string }>>('function_entries');
      const topics = defaultsOf('topics');

      assert.deepEqual(
        FUNCTIONS.map(({ name }) => name),
        Object.keys(functions).toSorted(),
      );
      for (const { name, topic } of FUNCTIONS) assert.equal(topics[functions[name]?.topic ?? ''], topic);
    });

    it('names of topics and datasets that are their own defaults', () => {
      const { topics, datasets } = parseConfig({
        GOOGLE_CLOUD_PROJECT: 'smart-project',
        SOURCE_DATABASE_URL: 'postgresql://reader@db.example/smartapp',
        CONTROL_DATABASE_URL: 'postgresql://control@db.example/control',
        STAGING_BUCKET: 'smart-staging',
        BIGQUERY_LOCATION: 'EU',
      });
      const { deadLetter, ...others } = topics;

      assert.deepEqual(defaultsOf('topics'), { ...others, dead_letter: deadLetter });
      assert.deepEqual(defaultsOf('datasets'), datasets);
    });

    it('ticks that extract understands', async () => {
      const { data } = innerBody(resource('google_cloud_scheduler_job.tick'), 'pubsub_target');
      const [, trigger] =
        /^\$\{base64encode\(jsonencode\(\{ trigger = "(\w+)" \}\)\)\}$/.exec(String(data)) ?? [];

      assert.deepEqual(parseExtractEvent({ trigger }), { command: 'tick', trigger: 'scheduler' });
    });

    it('Node’s version of package.json, and the memory settings that were measured', async () => {
      const { engines } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
        engines: { node: string };
      };
      const build = innerBody(resource('google_cloudfunctions2_function.function'), 'build_config');

      assert.equal(build.runtime, `nodejs${engines.node}`);
      assert.deepEqual(local('runtime_environment'), { NODE_OPTIONS: '--max-semi-space-size=4' });
    });
  });

  it('I8 has every event delivered again whose function fails', () => {
    const trigger = innerBody(resource('google_cloudfunctions2_function.function'), 'event_trigger');

    assert.equal(trigger.retry_policy, 'RETRY_POLICY_RETRY');
    assert.equal(trigger.event_type, 'google.cloud.pubsub.topic.v1.messagePublished');
  });

  it('protects what cannot be made again', () => {
    const dataset = resource('google_bigquery_dataset.dataset');
    const staging = resource('google_storage_bucket.staging');

    assert.deepEqual(innerBody(dataset, 'lifecycle'), { prevent_destroy: true });
    assert.equal(dataset.delete_contents_on_destroy, false);
    assert.partialDeepStrictEqual(staging, {
      uniform_bucket_level_access: true,
      public_access_prevention: 'enforced',
      force_destroy: false,
    });
    const rules = (staging.lifecycle_rule as Body[]).filter(
      (rule) => innerBody(rule, 'action').type === 'Delete',
    );
    assert.deepEqual(
      rules.map((rule) => innerBody(rule, 'condition').matches_suffix),
      [['.ndjson.gz', 'manifest.json']],
    );
  });

  it('I12 gives nobody a role that is wider than it needs, and nothing to everybody', () => {
    const roles = configuration.resources.flatMap(({ address, body }) =>
      typeof body.role === 'string' && !body.role.startsWith('${') ? [[address, body.role]] : [],
    );

    assert.deepEqual(
      roles.filter(([address]) => address?.startsWith('google_project_iam_member')),
      [
        ['google_project_iam_member.job_user', 'roles/bigquery.jobUser'],
        ['google_project_iam_member.cloud_sql_client', 'roles/cloudsql.client'],
        ['google_project_iam_member.build_log_writer', 'roles/logging.logWriter'],
        ['google_project_iam_member.build_source_reader', 'roles/storage.objectViewer'],
      ].toSorted(byAddress),
    );
    assert.doesNotMatch(
      JSON.stringify(configuration),
      /roles\/(owner|editor|viewer)"|"all(Authenticated)?Users"/,
    );
  });

  it('I12 gives no role that the README does not explain', async () => {
    const [, readme = ''] = (await readFile(join(ROOT, 'README.md'), 'utf8')).split('### Identities');
    const explained = new Set(
      readme.match(/roles\/[\w.]+|`(READER|WRITER)`/g)?.map((role) => role.replaceAll('`', '')),
    );
    const given = JSON.stringify([configuration.resources, configuration.locals]).match(
      /roles\/[\w.]+|(?<="role":")(READER|WRITER)/g,
    );

    assert.ok(given && given.length > 10);
    assert.deepEqual(
      given.filter((role) => !explained.has(role)),
      [],
    );
    // dataEditor is WRITER's other name.
    assert.deepEqual(
      [...explained].filter((role) => !given.includes(role)),
      ['roles/bigquery.dataEditor'],
    );
  });

  it('I12 keeps no secret’s value: not in a variable, and not in the state', () => {
    const types = configuration.resources.map(({ type }) => type);

    assert.deepEqual(
      types.filter((type) => /secret_version|google_sql_user|random_password/.test(type)),
      [],
    );
    assert.doesNotMatch(JSON.stringify(configuration.variables), /"\w*password\w*":/i);
  });

  it('puts files that exist into the archive, and nothing of development', async () => {
    const { include } = JSON.parse(await readFile(join(TERRAFORM_FOLDER, 'archive.json'), 'utf8')) as {
      include: string[];
    };

    const archived: string[] = [];
    for (const pattern of include) {
      const before = archived.length;
      for await (const path of glob(pattern, { cwd: ROOT })) archived.push(path);
      assert.ok(archived.length > before, pattern);
    }
    assert.ok(archived.includes('package.json') && archived.includes('package-lock.json'));
    assert.deepEqual(
      archived.filter((path) => /^(test|terraform|node_modules|\.)|\.test\.ts$|\.md$/.test(path)),
      [],
    );
  });

  it('names in every alert a section of OPERATIONS.md that is there', async () => {
    const operations = await readFile(join(ROOT, 'OPERATIONS.md'), 'utf8');
    const headings = [...operations.matchAll(/^## (.+)$/gm)].map(([, heading]) =>
      String(heading).toLowerCase().replaceAll(' ', '-'),
    );
    const alerts = ['log_alerts', 'count_alerts', 'absence_alerts'].flatMap((list) =>
      Object.values(local<Record<string, { section: string; advice: string }>>(list)),
    );

    for (const { section, advice } of alerts) {
      assert.ok(headings.includes(section), section);
      assert.match(advice, /^[A-Z].*\.$/);
    }
  });

  /** The defaults of an object variable's attributes. */
  function defaultsOf(variable: string): Record<string, string> {
    const type = String(configuration.variables[variable]?.type);
    const attributes = [...type.matchAll(/(\w+)\s*=\s*optional\(string, "([^"]*)"\)/g)];
    return Object.fromEntries(attributes.map(([, name, value]) => [name, value]));
  }
});

function refusalOf(env: Record<string, string>): string {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof DataHubError) return error.message;
    throw error;
  }
  return '';
}

function byAddress([a = '']: string[], [b = '']: string[]): number {
  return a < b ? -1 : 1;
}

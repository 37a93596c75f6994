import assert from 'node:assert/strict';
import { resourceBody, valueAt } from '../../tools/terraform/blocks.ts';
import { type Configuration, readConfiguration } from '../../tools/terraform/configuration.ts';

/** An expression, as the parser gives it. */
const is = (expression: string) => `\${${expression}}`;

/**
 * Who is joined to whom, as it is written: what Terraform makes of it is in test/tools/terraform/wiring.tftest.hcl, which needs Terraform.
 * Paths lead through blocks, written or generated ones.
 */
const WIRING: Record<string, Record<string, unknown>> = {
  'google_cloud_scheduler_job.tick': {
    schedule: is('var.schedule'),
    time_zone: is('var.schedule_time_zone'),
    paused: is('var.schedule_paused'),
    'pubsub_target.topic_name': is('google_pubsub_topic.topic["extract"].id'),
  },
  'google_pubsub_topic.topic': { for_each: is('local.topics'), name: is('each.value') },
  'google_pubsub_subscription.dead_letter': { topic: is('google_pubsub_topic.topic["dead_letter"].id') },
  'google_cloudfunctions2_function.function': {
    for_each: is('local.functions'),
    'build_config.entry_point': is('each.key'),
    'build_config.service_account': is('google_service_account.build.id'),
    'service_config.service_account_email': is('google_service_account.function[each.key].email'),
    'service_config.environment_variables': is('local.function_environment[each.key]'),
    'service_config.timeout_seconds': is('local.time_limit_seconds'),
    'service_config.ingress_settings': is('var.ingress'),
    'service_config.vpc_connector': is('local.vpc_connector'),
    'service_config.vpc_connector_egress_settings': is('try(var.vpc.egress, null)'),
    'event_trigger.pubsub_topic': is('google_pubsub_topic.topic[event_trigger.value].id'),
    'event_trigger.service_account_email': is('google_service_account.trigger.email'),
    depends_on: [is('google_project_service.required'), is('time_sleep.build_rights')],
  },
  'time_sleep.build_rights': {
    create_duration: '90s',
    depends_on: [
      is('google_artifact_registry_repository_iam_member.build'),
      is('google_project_iam_member.build_log_writer'),
      is('google_project_iam_member.build_source_reader'),
    ],
  },
  'google_pubsub_topic_iam_member.publisher': {
    for_each: is('local.rights.publishes'),
    topic: is('google_pubsub_topic.topic[each.value.object].name'),
    role: 'roles/pubsub.publisher',
    member: is('local.function_members[each.value.function]'),
  },
  'google_pubsub_topic_iam_member.viewer': {
    for_each: is('local.rights.inspects'),
    topic: is('google_pubsub_topic.topic[each.value.object].name'),
    role: 'roles/pubsub.viewer',
    member: is('local.function_members[each.value.function]'),
  },
  'google_storage_bucket_iam_member.staging': {
    for_each: is('local.rights.bucket_roles'),
    bucket: is('google_storage_bucket.staging.name'),
    role: is('each.value.object'),
    member: is('local.function_members[each.value.function]'),
  },
  'google_secret_manager_secret_iam_member.accessor': {
    for_each: is('local.rights.secrets'),
    secret_id: is('google_secret_manager_secret.database_url[each.value.object].id'),
    role: 'roles/secretmanager.secretAccessor',
    member: is('local.function_members[each.value.function]'),
  },
  'google_bigquery_dataset_access.function': {
    for_each: is('local.rights.writes'),
    dataset_id: is('google_bigquery_dataset.dataset[each.value.object].dataset_id'),
    role: 'WRITER',
    user_by_email: is('google_service_account.function[each.value.function].email'),
  },
  'google_bigquery_dataset_access.analysts': {
    for_each: is('var.analyst_groups'),
    dataset_id: is('google_bigquery_dataset.dataset["view"].dataset_id'),
    role: 'READER',
    group_by_email: is('each.key'),
  },
  'google_bigquery_dataset_access.reporting_views': {
    dataset_id: is('google_bigquery_dataset.dataset["target"].dataset_id'),
    'dataset.dataset.dataset_id': is('google_bigquery_dataset.dataset["view"].dataset_id'),
  },
  'google_cloudfunctions2_function_iam_member.viewer': {
    for_each: is('local.function_invokers'),
    role: 'roles/cloudfunctions.viewer',
    member: is('each.value.member'),
  },
  'google_project_iam_member.job_user': {
    for_each: is(
      '{ for function, entry in local.functions : function => entry if length(entry.writes) > 0 }',
    ),
    role: 'roles/bigquery.jobUser',
    member: is('local.function_members[each.key]'),
  },
  'google_project_iam_member.cloud_sql_client': {
    for_each: is(
      '{\n    for key, entry in local.rights.secrets : key => entry if local.uses_cloud_sql[entry.object]\n  }',
    ),
    member: is('local.function_members[each.value.function]'),
  },
  'google_cloud_run_service_iam_member.invoker': {
    for_each: is('local.callers'),
    role: 'roles/run.invoker',
    member: is('each.value.member'),
  },
  'google_artifact_registry_repository_iam_member.build': {
    role: 'roles/artifactregistry.writer',
    member: `serviceAccount:${is('google_service_account.build.email')}`,
  },
  'google_project_iam_member.build_log_writer': {
    role: 'roles/logging.logWriter',
    member: `serviceAccount:${is('google_service_account.build.email')}`,
  },
  'google_project_iam_member.build_source_reader': {
    role: 'roles/storage.objectViewer',
    member: `serviceAccount:${is('google_service_account.build.email')}`,
  },
};

/** What each function may do: where it publishes, which topics it sees, what it writes and reads. */
const RIGHTS = {
  extract: {
    publishes: ['dead_letter', 'extract', 'merge', 'stream'],
    inspects: ['dead_letter', 'extract', 'merge', 'stream'],
    writes: ['target', 'temp', 'view'],
    secrets: ['control', 'source'],
    bucket_roles: ['roles/storage.legacyBucketReader', 'roles/storage.objectUser'],
  },
  merge: {
    publishes: ['dead_letter', 'extract', 'merge'],
    writes: ['target', 'temp'],
    secrets: ['control'],
    bucket_roles: ['roles/storage.legacyBucketReader', 'roles/storage.objectViewer'],
  },
  stream: {
    publishes: ['dead_letter', 'extract', 'stream'],
    writes: ['target'],
    secrets: ['control'],
    bucket_roles: ['roles/storage.legacyBucketReader', 'roles/storage.objectViewer'],
  },
};

describe('the wiring', () => {
  let configuration: Configuration;

  before(async () => {
    configuration = await readConfiguration();
  });

  for (const [address, expected] of Object.entries(WIRING)) {
    it(`joins ${address} to what it belongs to`, () => {
      const body = resourceBody(configuration, address);

      const written = Object.keys(expected).map((path) => [path, valueAt(body, path)]);
      assert.deepEqual(Object.fromEntries(written), expected);
    });
  }

  it('I12 gives each function these rights, one by one, and no others', () => {
    const entries = configuration.locals.function_entries as Record<string, Record<string, unknown>>;
    const given = Object.entries(entries).map(([name, { description, topic, ...rights }]) => [name, rights]);

    assert.deepEqual(Object.fromEntries(given), RIGHTS);
    assert.deepEqual(configuration.locals.function_defaults, {
      memory: '512Mi',
      cpu: '1',
      concurrency: 1,
      inspects: [],
    });
    assert.equal(
      configuration.locals.functions,
      is(
        '{ for function, entry in local.function_entries : function => merge(local.function_defaults, entry) }',
      ),
    );
  });

  it('I12 gives a right to the function, and on the thing, that its name says', () => {
    const written = (name: string) => String(configuration.locals[name]).replaceAll(/\s+/g, ' ');

    assert.match(
      written('rights'),
      /for object in entry\[kind\] : "\$\{function\} \$\{object\}" => \{ function = function, object = object \}/,
    );
    assert.equal(
      written('function_members'),
      is(
        `{ for function, account in google_service_account.function : function => "serviceAccount:${is('account.email')}" }`,
      ),
    );
    assert.match(
      written('callers'),
      /trigger" => \{ function = function, member = "serviceAccount:\$\{google_service_account\.trigger\.email\}" \} if entry\.topic != null/,
    );
  });
});

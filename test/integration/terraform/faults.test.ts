import assert from 'node:assert/strict';
import { valueFaults } from '../../tools/terraform/argument-values.ts';
import { parseConfiguration } from '../../tools/terraform/configuration.ts';
import { faultsOf } from '../../tools/terraform/faults.ts';
import { loadProviderSchema, type ProviderSchema } from '../../tools/terraform/provider-schema.ts';

describe('a Terraform configuration is refused', () => {
  let schema: ProviderSchema;

  before(async () => {
    schema = await loadProviderSchema();
  });

  const TOPIC = 'resource "google_pubsub_topic" "t" {\n  name = "t"\n}\n';
  const JOB = 'resource "google_cloud_scheduler_job" "j" {\n  name = "j"\n';
  const FIXTURES: [what: string, text: string, fault: RegExp][] = [
    ['with a type that does not exist', 'resource "google_pubsub_topics" "t" {\n}', /no such type/],
    [
      'with a data source that does not exist',
      'data "google_projects_of_mine" "p" {\n}',
      /data\.google_projects_of_mine\.p: .*no such type/,
    ],
    [
      'with an unknown argument',
      'resource "google_pubsub_topic" "t" {\n  name = "t"\n  retention = "1s"\n}',
      /^google_pubsub_topic\.t\.retention: the provider has no such argument$/,
    ],
    [
      'with an unknown argument of a block',
      'resource "google_pubsub_subscription" "s" {\n  name = "s"\n  topic = "t"\n  retry_policy {\n    attempts = 3\n  }\n}',
      /^google_pubsub_subscription\.s\.retry_policy\.attempts: the provider has no such argument$/,
    ],
    [
      'with an unknown block',
      'resource "google_pubsub_topic" "t" {\n  name = "t"\n  retry {\n    count = 1\n  }\n}',
      /^google_pubsub_topic\.t\.retry: the provider has no such argument$/,
    ],
    [
      'with an unknown argument in a dynamic block',
      `${JOB}  dynamic "pubsub_target" {\n    for_each = [1]\n    content {\n      topic_name = "t"\n      body = "{}"\n    }\n  }\n}`,
      /^google_cloud_scheduler_job\.j\.pubsub_target\.body: the provider has no such argument$/,
    ],
    [
      'without an argument that is required',
      'resource "google_pubsub_topic" "t" {\n}',
      /^google_pubsub_topic\.t: name is missing$/,
    ],
    [
      'without a block that is required',
      'resource "google_secret_manager_secret" "s" {\n  secret_id = "s"\n}',
      /^google_secret_manager_secret\.s: replication is missing$/,
    ],
    [
      'without an argument that a block requires',
      'resource "google_cloud_scheduler_job" "j" {\n  name = "j"\n  pubsub_target {\n    data = "e30="\n  }\n}',
      /^google_cloud_scheduler_job\.j\.pubsub_target: topic_name is missing$/,
    ],
    [
      'with a block where an argument belongs',
      'resource "google_pubsub_topic" "t" {\n  name = "t"\n  labels {\n    a = "b"\n  }\n}',
      /^google_pubsub_topic\.t\.labels: is an argument, not a block$/,
    ],
    [
      'with an argument where a block belongs',
      'resource "google_pubsub_topic" "t" {\n  name = "t"\n  message_storage_policy = "here"\n}',
      /^google_pubsub_topic\.t\.message_storage_policy: is a block, not an argument$/,
    ],
    [
      'with an unknown argument of lifecycle',
      `${TOPIC.replace('}', '  lifecycle {\n    keep = true\n  }\n}')}`,
      /^google_pubsub_topic\.t\.lifecycle\.keep: the provider has no such argument$/,
    ],
    [
      'with an unknown argument of the provider',
      'provider "google" {\n  place = "here"\n}',
      /^provider google\.place: the provider has no such argument$/,
    ],
    [
      'with a variable that is not declared',
      'output "o" {\n  value = lower("a%{if var.gone}b%{endif}")\n}',
      /^output o: var\.gone is not declared$/,
    ],
    [
      'with a local value that is not declared',
      'output "o" {\n  value = [for one in local.gone : one.name]\n}',
      /^output o: local\.gone is not declared$/,
    ],
    [
      'with a resource that is not declared',
      `${TOPIC}output "o" {\n  value = { for k in ["t"] : k => google_pubsub_topic.other[k].id }\n}`,
      /^output o: google_pubsub_topic\.other\.id is not declared$/,
    ],
    [
      'with an attribute that a resource does not have',
      `${TOPIC}output "o" {\n  value = google_pubsub_topic.t["a"].url\n}`,
      /^output o: google_pubsub_topic\.t\.url is no attribute of it$/,
    ],
    [
      'with an index that is not declared',
      `${TOPIC}output "o" {\n  value = google_pubsub_topic.t[var.which].id\n}`,
      /^output o: var\.which is not declared$/,
    ],
    [
      'with values that need each other',
      `locals {\n  a = local.b\n  b = [google_pubsub_topic.t.id]\n}\n${TOPIC.replace('"t"\n', 'local.a\n')}`,
      /^google_pubsub_topic\.t → local\.a → local\.b → google_pubsub_topic\.t: a circle$/,
    ],
    [
      'with a variable that nobody uses',
      'variable "v" {\n  type = string\n  description = "V."\n  validation {\n    condition = var.v != ""\n    error_message = "No."\n  }\n}',
      /^var\.v: is not used$/,
    ],
    [
      'with a variable that takes anything',
      'variable "v" {\n  type = map(any)\n  description = "V."\n}\noutput "o" {\n  value = var.v\n}',
      /^variable v: takes anything$/,
    ],
    [
      'with a variable without type',
      'variable "v" {\n  description = "V."\n}\noutput "o" {\n  value = var.v\n}',
      /^variable v: has no type$/,
    ],
    [
      'with a variable without description',
      'variable "v" {\n  type = string\n}\noutput "o" {\n  value = var.v\n}',
      /^variable v: has no description$/,
    ],
  ];
  for (const [what, text, fault] of FIXTURES) {
    it(what, async () => {
      const [found, ...others] = await faultsOf(await parseConfiguration({ 'main.tf': text }), schema);

      assert.match(found ?? 'not refused', fault);
      assert.deepEqual(others, []);
    });
  }

  const VALUES: [what: string, text: string, fault: RegExp][] = [
    [
      'with a value that an argument does not take',
      'resource "google_monitoring_alert_policy" "a" {\n  combiner = "OF"\n}',
      /^google_monitoring_alert_policy\.a\.combiner: OF is no value that is known$/,
    ],
    [
      'with such a value in an expression in a generated block',
      'resource "google_cloudfunctions2_function" "f" {\n  dynamic "event_trigger" {\n    for_each = [1]\n    content {\n      retry_policy = var.v ? "RETRY_POLICY_RETRY" : "RETRY_NEVER"\n    }\n  }\n}',
      /^google_cloudfunctions2_function\.f\.event_trigger\.retry_policy: RETRY_NEVER is no value that is known$/,
    ],
    [
      'with a word in capitals of which no list is kept',
      'resource "google_pubsub_topic" "t" {\n  name = "SOME_NAME"\n}',
      /^google_pubsub_topic\.t\.name: SOME_NAME is no value that is known$/,
    ],
    [
      'with a choice that Google does not have',
      'variable "vpc" {\n  validation {\n    condition = contains(["ALL_TRAFIC"], var.vpc.egress)\n  }\n}',
      /^variable vpc: ALL_TRAFIC is no value of var\.vpc\.egress that is known$/,
    ],
    [
      'with a default that Google does not have',
      'variable "vpc" {\n  type = object({\n    egress = optional(string, "ALL_TRAFIC")\n  })\n}',
      /^variable vpc: ALL_TRAFIC is no value of var\.vpc\.egress that is known$/,
    ],
  ];
  for (const [what, text, fault] of VALUES) {
    it(what, async () => {
      const [found, ...others] = valueFaults(await parseConfiguration({ 'main.tf': text }));

      assert.match(found ?? 'not refused', fault);
      assert.deepEqual(others, []);
    });
  }

  it('where it is no HCL, with the file and the line', async () => {
    await assert.rejects(parseConfiguration({ 'main.tf': '\nresource "a" {' }), /main\.tf:2/);
  });
});

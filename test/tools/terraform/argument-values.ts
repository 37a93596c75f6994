import type { Body, Configuration } from './configuration.ts';

/** The values that Google knows of arguments that take one of a few, by type and path; the provider's schema says only that they are texts. */
const KNOWN: Record<string, string[]> = {
  'google_artifact_registry_repository.cleanup_policies.action': ['DELETE', 'KEEP'],
  'google_artifact_registry_repository.format': ['DOCKER'],
  'google_bigquery_dataset_access.dataset.target_types': ['VIEWS'],
  'google_bigquery_dataset_access.role': ['READER', 'WRITER', 'OWNER'],
  'google_billing_budget.budget_filter.calendar_period': ['MONTH', 'QUARTER', 'YEAR'],
  'google_billing_budget.threshold_rules.spend_basis': ['CURRENT_SPEND', 'FORECASTED_SPEND'],
  'google_cloudfunctions2_function.build_config.runtime': ['nodejs22', 'nodejs24'],
  'google_cloudfunctions2_function.event_trigger.event_type': [
    'google.cloud.pubsub.topic.v1.messagePublished',
  ],
  'google_cloudfunctions2_function.event_trigger.retry_policy': [
    'RETRY_POLICY_DO_NOT_RETRY',
    'RETRY_POLICY_RETRY',
  ],
  'google_cloudfunctions2_function.service_config.ingress_settings': [
    'ALLOW_ALL',
    'ALLOW_INTERNAL_AND_GCLB',
    'ALLOW_INTERNAL_ONLY',
  ],
  'google_cloudfunctions2_function.service_config.vpc_connector_egress_settings': [
    'ALL_TRAFFIC',
    'PRIVATE_RANGES_ONLY',
  ],
  'google_logging_metric.metric_descriptor.labels.value_type': ['BOOL', 'INT64', 'STRING'],
  'google_logging_metric.metric_descriptor.metric_kind': ['DELTA'],
  'google_logging_metric.metric_descriptor.value_type': ['DISTRIBUTION', 'INT64'],
  'google_monitoring_alert_policy.combiner': ['AND', 'AND_WITH_MATCHING_RESOURCE', 'OR'],
  'google_monitoring_alert_policy.conditions.condition_threshold.aggregations.cross_series_reducer': [
    'REDUCE_MAX',
    'REDUCE_SUM',
  ],
  'google_monitoring_alert_policy.conditions.condition_threshold.aggregations.per_series_aligner': [
    'ALIGN_MAX',
    'ALIGN_SUM',
  ],
  'google_monitoring_alert_policy.conditions.condition_threshold.comparison': [
    'COMPARISON_GT',
    'COMPARISON_LT',
  ],
  'google_monitoring_alert_policy.conditions.condition_threshold.evaluation_missing_data': [
    'EVALUATION_MISSING_DATA_ACTIVE',
    'EVALUATION_MISSING_DATA_INACTIVE',
    'EVALUATION_MISSING_DATA_NO_OP',
  ],
  'google_monitoring_alert_policy.documentation.mime_type': ['text/markdown'],
  'google_monitoring_alert_policy.severity': ['CRITICAL', 'ERROR', 'WARNING'],
  'google_monitoring_notification_channel.type': ['email'],
  'google_sql_database.deletion_policy': ['ABANDON', 'DELETE'],
  'google_sql_database_instance.settings.backup_configuration.backup_retention_settings.retention_unit': [
    'COUNT',
  ],
  'google_sql_database_instance.settings.connector_enforcement': ['NOT_REQUIRED', 'REQUIRED'],
  'google_sql_database_instance.settings.edition': ['ENTERPRISE', 'ENTERPRISE_PLUS'],
  'google_sql_database_instance.settings.ip_configuration.ssl_mode': [
    'ALLOW_UNENCRYPTED_AND_ENCRYPTED',
    'ENCRYPTED_ONLY',
    'TRUSTED_CLIENT_CERTIFICATE_REQUIRED',
  ],
  'google_sql_database_instance.settings.maintenance_window.update_track': ['canary', 'stable', 'week5'],
  'google_storage_bucket.lifecycle_rule.action.type': [
    'AbortIncompleteMultipartUpload',
    'Delete',
    'SetStorageClass',
  ],
  'google_storage_bucket.public_access_prevention': ['enforced', 'inherited'],
};

/** What variables may be chosen to be, by what their rules call it; as above, or as the functions read it (shared/). */
const CHOICES: Record<string, string[]> = {
  'database.cloud_sql_ip_type': ['PUBLIC', 'PRIVATE', 'PSC'],
  'database.tls': ['disable', 'require', 'verify-ca', 'verify-full'],
  'var.control_instance.availability_type': ['REGIONAL', 'ZONAL'],
  'var.ingress': KNOWN['google_cloudfunctions2_function.service_config.ingress_settings'] ?? [],
  'var.settings.log_level': ['trace', 'debug', 'info'],
  'var.vpc.egress':
    KNOWN['google_cloudfunctions2_function.service_config.vpc_connector_egress_settings'] ?? [],
};

/** Values in the configuration that Google does not know, and words in capitals of which no list is kept here. */
export function valueFaults({ resources, variables }: Configuration): string[] {
  return [
    ...resources.flatMap(({ type, address, body }) =>
      leaves(body).flatMap(({ path, text }) => {
        const known = KNOWN[`${type}.${path}`];
        return textsOf(text)
          .filter((one) => (known === undefined ? /^[A-Z]+(_[A-Z0-9]+)+$/.test(one) : !known.includes(one)))
          .map((one) => `${address}.${path}: ${one} is no value that is known`);
      }),
    ),
    ...Object.entries(variables).flatMap(([name, { validation }]) =>
      ((validation ?? []) as Body[]).flatMap(({ condition }) => choiceFaults(name, String(condition))),
    ),
    ...Object.entries(variables).flatMap(([name, { type }]) => defaultFaults(name, String(type))),
  ];
}

function choiceFaults(variable: string, condition: string): string[] {
  return [...condition.matchAll(/contains\(\[("[^\]]*)\], ([\w.]+)\)/g)].flatMap(([, list = '', what = '']) =>
    [...list.matchAll(/"([^"]*)"/g)]
      .map(([, one = '']) => one)
      .filter((one) => !(CHOICES[what] ?? []).includes(one))
      .map((one) => `variable ${variable}: ${one} is no value of ${what} that is known`),
  );
}

function defaultFaults(variable: string, type: string): string[] {
  const owner = variable.endsWith('_database') ? 'database' : `var.${variable}`;
  return [...type.matchAll(/(\w+)\s*=\s*optional\(string, "([^"]*)"\)/g)].flatMap(([, name, value = '']) => {
    const known = CHOICES[`${owner}.${name}`];
    return known === undefined || known.includes(value)
      ? []
      : [`variable ${variable}: ${value} is no value of ${owner}.${name} that is known`];
  });
}

/** A text itself, or the texts in an expression. */
function textsOf(text: string): string[] {
  if (!text.includes('${')) return [text];
  return /^\$\{[^}]*\}$/.test(text) ? [...text.matchAll(/"([^"]*)"/g)].map(([, one = '']) => one) : [];
}

/** Every text in a body with its path, the inside of a generated block like that of a written one. */
function leaves(value: unknown, path: string[] = []): { path: string; text: string }[] {
  if (typeof value === 'string') return [{ path: path.join('.'), text: value }];
  if (Array.isArray(value)) return value.flatMap((one) => leaves(one, path));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    if (name !== 'dynamic') return leaves(member, [...path, name]);
    return Object.entries(member as Record<string, Body[]>).flatMap(([block, bodies]) =>
      bodies.flatMap(({ content }) => leaves(content, [...path, block])),
    );
  });
}

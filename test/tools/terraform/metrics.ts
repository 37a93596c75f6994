import type { Configuration } from './configuration.ts';
import type { MetricFilter } from './metric-filter.ts';
import { defaultInstallation, render } from './render.ts';

/** A metric of Cloud Monitoring. */
export interface Metric {
  resource: string;
  kind: 'DELTA' | 'GAUGE';
  valueType: 'INT64' | 'DISTRIBUTION';
  /** The values of each label; null for any. */
  labels: Record<string, string[] | null>;
}

/** Google's metrics that terraform/ uses (https://cloud.google.com/monitoring/api/metrics_gcp). */
const GOOGLE_METRICS: Record<string, Metric> = {
  'pubsub.googleapis.com/subscription/num_undelivered_messages': {
    resource: 'pubsub_subscription',
    kind: 'GAUGE',
    valueType: 'INT64',
    labels: {},
  },
  'run.googleapis.com/container/instance_count': {
    resource: 'cloud_run_revision',
    kind: 'GAUGE',
    valueType: 'INT64',
    labels: { state: ['active', 'idle'] },
  },
  'run.googleapis.com/container/memory/utilizations': {
    resource: 'cloud_run_revision',
    kind: 'DELTA',
    valueType: 'DISTRIBUTION',
    labels: { container_name: null },
  },
  'run.googleapis.com/request_count': {
    resource: 'cloud_run_revision',
    kind: 'DELTA',
    valueType: 'INT64',
    labels: { response_code: null, response_code_class: ['1xx', '2xx', '3xx', '4xx', '5xx'], route: null },
  },
};

const RESOURCE_LABELS: Record<string, string[]> = {
  cloud_run_revision: ['configuration_name', 'location', 'project_id', 'revision_name', 'service_name'],
  pubsub_subscription: ['project_id', 'subscription_id'],
};

type Written = { labels: Record<string, string>; value: string | null };

/** Google's metrics and those of the log lines, by their names in an installation of default names. */
export function metricsOf(configuration: Configuration): Record<string, Metric> {
  const scope = defaultInstallation(configuration);
  const written = Object.entries(configuration.locals.log_metrics as Record<string, Written>);
  const ours = written.map(([key, { labels, value }]): [string, Metric] => [
    `logging.googleapis.com/user/${render(`\${google_logging_metric.metric["${key}"].name}`, configuration, scope)}`,
    {
      resource: 'cloud_run_revision',
      kind: 'DELTA',
      valueType: value === null ? 'INT64' : 'DISTRIBUTION',
      labels: Object.fromEntries(Object.keys(labels).map((name) => [name, null])),
    },
  ]);
  return { ...GOOGLE_METRICS, ...Object.fromEntries(ours) };
}

/** Which metrics an aligner takes (https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies#aligner). */
const ALIGNERS: Record<string, Metric['valueType'][]> = {
  ALIGN_MAX: ['INT64'],
  ALIGN_PERCENTILE_95: ['DISTRIBUTION'],
  ALIGN_PERCENTILE_99: ['DISTRIBUTION'],
  ALIGN_SUM: ['INT64'],
};
const REDUCERS = ['REDUCE_MAX', 'REDUCE_SUM'];

/** How points become lines: `by` names labels as `metric.label.view` or `resource.label.service_name`. */
export interface Aggregation {
  aligner: string;
  reducer: string;
  by: string[];
}

/** What Cloud Monitoring would refuse, or answer with an empty chart. */
export function metricFaults(
  { metric: name, resource, labels }: MetricFilter,
  { aligner, reducer, by }: Aggregation,
  metrics: Record<string, Metric>,
): string[] {
  const metric = metrics[name];
  if (metric === undefined) return [`there is no metric ${name}`];
  const known = new Set([
    ...Object.keys(metric.labels).map((label) => `metric.${label}`),
    ...(RESOURCE_LABELS[metric.resource] ?? []).map((label) => `resource.${label}`),
  ]);
  const isKnown = (label: string) =>
    /^(metric|resource)\.labels?\./.test(label) && known.has(label.replace(/\.labels?\./, '.'));
  const values = Object.entries(labels).flatMap(([label, given]) => {
    const allowed = metric.labels[label.replace(/^metric\.labels?\./, '')] ?? given;
    return given.filter((value) => !allowed.includes(value)).map((value) => `${label} is never ${value}`);
  });
  return [
    ...(resource === metric.resource ? [] : [`${name} is not of ${resource}`]),
    ...[...Object.keys(labels), ...by]
      .filter((label) => !isKnown(label))
      .map((label) => `${name} has no ${label}`),
    ...values,
    ...(ALIGNERS[aligner]?.includes(metric.valueType)
      ? []
      : [`${aligner} is not for ${metric.valueType}: ${name}`]),
    ...(REDUCERS.includes(reducer) ? [] : [`there is no ${reducer}`]),
  ];
}

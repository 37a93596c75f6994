import type { MetricFilter } from './metric-filter.ts';
import { render } from './render.ts';

/** A metric of Cloud Monitoring. */
interface Metric {
  resource: string;
  valueType: 'INT64' | 'DISTRIBUTION';
  /** Labels of the metric and of its resource. */
  labels: string[];
}

const SERVICE = ['resource.service_name'];

/** The metrics of Google that terraform/ uses (https://cloud.google.com/monitoring/api/metrics_gcp), with the labels that it uses. */
const GOOGLE_METRICS: Record<string, Metric> = {
  'pubsub.googleapis.com/subscription/num_undelivered_messages': {
    resource: 'pubsub_subscription',
    valueType: 'INT64',
    labels: ['resource.subscription_id'],
  },
  'run.googleapis.com/container/instance_count': {
    resource: 'cloud_run_revision',
    valueType: 'INT64',
    labels: [...SERVICE, 'metric.state'],
  },
  'run.googleapis.com/container/memory/utilizations': {
    resource: 'cloud_run_revision',
    valueType: 'DISTRIBUTION',
    labels: SERVICE,
  },
  'run.googleapis.com/request_count': {
    resource: 'cloud_run_revision',
    valueType: 'INT64',
    labels: [...SERVICE, 'metric.response_code', 'metric.response_code_class'],
  },
};

/** Google's metrics and our log-based metrics, by name, in an installation with default names. */
export function metricsOf(locals: Record<string, unknown>): Record<string, Metric> {
  const written = locals.log_metrics as Record<string, { labels: object; value: string | null }>;
  const ours = Object.entries(written).map(([key, { labels, value }]): [string, Metric] => [
    render(`logging.googleapis.com/user/\${google_logging_metric.metric["${key}"].name}`, locals),
    {
      resource: 'cloud_run_revision',
      valueType: value === null ? 'INT64' : 'DISTRIBUTION',
      labels: [...SERVICE, ...Object.keys(labels).map((name) => `metric.${name}`)],
    },
  ]);
  return { ...GOOGLE_METRICS, ...Object.fromEntries(ours) };
}

/** How points are aggregated into lines. `by` lists labels such as `metric.label.view` or `resource.label.service_name`. */
export interface Aggregation {
  aligner: string;
  by: string[];
}

/** The mistakes that Cloud Monitoring would refuse or answer with an empty chart. */
export function metricProblems(
  { metric: name, resource, labels }: MetricFilter,
  { aligner, by }: Aggregation,
  metrics: Record<string, Metric>,
): string[] {
  const metric = metrics[name];
  if (metric === undefined) return [`there is no metric ${name}`];
  const unknown = [...Object.keys(labels), ...by].filter(
    (label) => !metric.labels.includes(label.replace(/\.labels?\./, '.')),
  );
  const isOfDistributions = aligner.startsWith('ALIGN_PERCENTILE_');
  return [
    ...(resource === metric.resource ? [] : [`${name} is not a metric of ${resource}`]),
    ...unknown.map((label) => `${name} has no label ${label}`),
    ...(isOfDistributions === (metric.valueType === 'DISTRIBUTION')
      ? []
      : [`${aligner} does not apply to ${metric.valueType}: ${name}`]),
  ];
}

/** The selection of a filter: a metric, a resource type, and label values by `metric.labels.x` or `resource.labels.x`. */
export interface MetricFilter {
  metric: string;
  resource: string;
  labels: Record<string, string[]>;
}

const COMPARISON = /^([\w.]+)=(?:"([^"]*)"|one_of\(((?:"[^"]*",?)+)\))$/;

/**
 * Parses a filter of Cloud Monitoring (https://cloud.google.com/monitoring/api/v3/filters), in the subset that terraform/ uses:
 * comparisons by `=` with a text or with `one_of("a","b")`, joined by AND. Throws on anything else, and if the metric or the resource
 * is missing.
 */
export function parseMetricFilter(text: string): MetricFilter {
  const compared: Record<string, string[]> = {};
  for (const part of text.split(' AND ')) {
    const [, field, value, list] = COMPARISON.exec(part) ?? [];
    if (field === undefined || field in compared) throw new Error(`${part} cannot be read: ${text}`);
    compared[field] = value !== undefined ? [value] : [...(list ?? '').matchAll(/"([^"]*)"/g)].map(textOf);
  }
  const { 'metric.type': metric = [], 'resource.type': resource = [], ...labels } = compared;
  const [metricType, resourceType] = [metric[0], resource[0]];
  if (metricType === undefined || resourceType === undefined || metric.length + resource.length !== 2) {
    throw new Error(`a filter must name one metric and one resource type: ${text}`);
  }
  return { metric: metricType, resource: resourceType, labels };
}

const textOf = ([, text = '']: RegExpExecArray) => text;

/** What a filter selects: a metric of a type of resource, and values of labels, by `metric.labels.x` or `resource.labels.x`. */
export interface MetricFilter {
  metric: string;
  resource: string;
  labels: Record<string, string[]>;
}

const COMPARISON = /^([\w.]+)=(?:"([^"]*)"|one_of\(((?:"[^"]*",?)+)\))$/;

/**
 * A filter of Cloud Monitoring (https://cloud.google.com/monitoring/api/v3/filters), as far as terraform/ uses it: comparisons by
 * `=` with a text or with `one_of("a","b")`, joined by AND. Throws on anything else, and where the metric or the resource is missing.
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
    throw new Error(`a filter is of one metric and one type of resource: ${text}`);
  }
  return { metric: metricType, resource: resourceType, labels };
}

const textOf = ([, text = '']: RegExpExecArray) => text;

import { resourceBody, valueAt } from './blocks.ts';
import type { Configuration } from './configuration.ts';
import { defaultInstallation, render } from './render.ts';

/** A metric or an alert on log lines, with the filter as Cloud Logging gets it. */
export interface LogDefinition {
  name: string;
  filter: string;
  /** `EXTRACT(…)` by the label that it fills. */
  labels: Record<string, string>;
  /** Of a distribution, `EXTRACT(…)` of its values; null for a counter. */
  value: string | null;
}

type Written = { filter: string; labels: Record<string, string>; value?: string | null };

/**
 * What the resources make of `local.log_metrics` and `local.log_alerts` in an installation of default names, with alerts after
 * `behindMinutes`. Throws when a filter holds an expression that is not known here.
 */
export function logDefinitions(
  configuration: Configuration,
  behindMinutes: number,
): Record<'metrics' | 'alerts', LogDefinition[]> {
  const scope = defaultInstallation(configuration, behindMinutes);
  const definitionsOf = (local: string, filterOf: string, iterator: string): LogDefinition[] =>
    Object.entries(configuration.locals[local] as Record<string, Written>).map(([name, written]) => ({
      name,
      filter: render(filterOf, configuration, {
        ...scope,
        [`${iterator}.value.filter`]: render(written.filter, configuration, scope),
      }),
      labels: written.labels,
      value: written.value ?? null,
    }));
  const metric = resourceBody(configuration, 'google_logging_metric.metric');
  const alert = resourceBody(configuration, 'google_monitoring_alert_policy.alert');
  const alertFilter = valueAt(alert, 'conditions.condition_matched_log.filter');
  return {
    metrics: definitionsOf('log_metrics', String(metric.filter), 'each'),
    alerts: definitionsOf('log_alerts', String(alertFilter), 'condition_matched_log'),
  };
}

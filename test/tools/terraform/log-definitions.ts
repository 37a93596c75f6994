import { render } from './render.ts';

/** A metric or an alert on log lines, with the filter that Cloud Logging gets. */
export interface LogDefinition {
  name: string;
  filter: string;
  /** `EXTRACT(…)` by label. */
  labels: Record<string, string>;
  /** `EXTRACT(…)` for the values of a distribution; null for a counter. */
  value: string | null;
}

/**
 * `local.log_metrics` and `local.log_alerts` of an installation with default names and with alerts after `behindMinutes`. That the
 * resources prefix each filter with `local.log_scope` is tested in terraform/tests.
 */
export function logDefinitions(
  locals: Record<string, unknown>,
  behindMinutes: number,
): Record<'metrics' | 'alerts', LogDefinition[]> {
  const definitionsOf = (local: string): LogDefinition[] =>
    Object.entries(locals[local] as Record<string, Omit<LogDefinition, 'name'>>).map(([name, written]) => ({
      name,
      filter: render(`\${local.log_scope} AND ${written.filter}`, locals, behindMinutes),
      labels: written.labels,
      value: written.value ?? null,
    }));
  return { metrics: definitionsOf('log_metrics'), alerts: definitionsOf('log_alerts') };
}

import { render } from './render.ts';

/** A metric or an alert on log lines, with the filter as Cloud Logging gets it. */
export interface LogDefinition {
  name: string;
  filter: string;
  /** `EXTRACT(…)` by the label that it fills. */
  labels: Record<string, string>;
  /** `EXTRACT(…)` of a distribution's values; null for a counter. */
  value: string | null;
}

/**
 * `local.log_metrics` and `local.log_alerts` in an installation of default names, with alerts after `behindMinutes`. terraform/tests hold
 * that the resources prefix each filter with `local.log_scope`.
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

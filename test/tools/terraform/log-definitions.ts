import type { Configuration } from './configuration.ts';

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
 * The definitions of `local.log_metrics` and `local.log_alerts` in an installation of default names, with alerts after
 * `behindMinutes`. Throws when a filter holds an expression that is not known here.
 */
export function logDefinitions(
  { locals }: Configuration,
  behindMinutes: number,
): Record<'metrics' | 'alerts', LogDefinition[]> {
  const values: Record<string, string> = {
    'local.function_services': Object.keys(locals.functions as object)
      .map((name) => `"${name}"`)
      .join(' OR '),
    'var.alert_after.behind_minutes * 60': String(behindMinutes * 60),
  };
  const render = (template: string): string =>
    template.replaceAll(/\$\{([^}]*)\}/g, (_, expression: string) => {
      const value = values[expression];
      if (value === undefined) throw new Error(`the value of ${expression} is not known`);
      return value;
    });
  const definitionsOf = (local: unknown): LogDefinition[] =>
    Object.entries(local as Record<string, Written>).map(([name, { filter, labels, value }]) => ({
      name,
      filter: render(`${String(locals.log_scope)} AND ${filter}`),
      labels,
      value: value ?? null,
    }));
  return { metrics: definitionsOf(locals.log_metrics), alerts: definitionsOf(locals.log_alerts) };
}

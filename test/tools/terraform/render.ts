type Locals = Record<string, unknown>;

/**
 * Renders a template for an installation with default names and with alerts after `behindMinutes`. Throws if the template contains an
 * expression whose value is not known here.
 */
export function render(template: string, locals: Locals, behindMinutes = 30): string {
  const services = Object.keys(locals.function_entries as object).map((name) => `"${name}"`);
  const known: Record<string, string> = {
    'local.suffix': '',
    'join(" OR ", local.function_services)': services.join(' OR '),
    'join(",", local.function_services)': services.join(','),
    'local.alert_after.behind_minutes * 60': String(behindMinutes * 60),
    'google_pubsub_subscription.dead_letter.name': 'cdc-dead-letter-kept',
  };
  for (const name of Object.keys(locals.log_metrics as object)) {
    known[`google_logging_metric.metric["${name}"].name`] = `cdc_${name}`;
  }
  return template.replaceAll(/\$\{([^}]*)\}/g, (_, expression: string) => {
    const value = known[expression] ?? locals[expression.replace('local.', '')];
    if (typeof value !== 'string') throw new Error(`the value of ${expression} is not known`);
    return render(value, locals, behindMinutes);
  });
}

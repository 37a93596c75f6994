import type { Configuration } from './configuration.ts';

/** What expressions come to, by their text: `local.suffix`, `each.value.filter`. */
export type Scope = Record<string, string>;

/**
 * A template's text: expressions of the scope, local values, and names of resources (`google_logging_metric.metric["failures"].name`) are
 * put in. Throws when it holds another expression.
 */
export function render(template: string, configuration: Configuration, scope: Scope): string {
  const resolve = (expression: string): string => {
    const known = scope[expression];
    if (known !== undefined) return known;
    const [, local] = /^local\.(\w+)$/.exec(expression) ?? [];
    const value = configuration.locals[local ?? ''];
    if (typeof value === 'string') return render(value, configuration, scope);
    if (typeof value === 'number') return String(value);
    const [, address, index] = /^(\w+\.\w+)(?:\[(.+)\])?\.name$/.exec(expression) ?? [];
    const name = configuration.resources.find((one) => one.address === address)?.body.name;
    if (typeof name !== 'string') throw new Error(`the value of ${expression} is not known`);
    const key = index === undefined ? '' : (/^"(\w+)"$/.exec(index)?.[1] ?? resolve(index));
    return render(name, configuration, { ...scope, 'each.key': key });
  };
  return template.replaceAll(/\$\{([^}]*)\}/g, (_, expression: string) => resolve(expression));
}

/** The only installation of a project, with default names, and alerts on views that are behind for so many minutes. */
export function defaultInstallation({ locals }: Configuration, behindMinutes = 30): Scope {
  const services = Object.keys(locals.function_entries as object).map((name) => `"${name}"`);
  return {
    'local.suffix': '',
    'local.topics.dead_letter': 'cdc-dead-letter',
    'join(" OR ", local.function_services)': services.join(' OR '),
    'join(",", local.function_services)': services.join(','),
    'local.alert_after.behind_minutes * 60': String(behindMinutes * 60),
  };
}

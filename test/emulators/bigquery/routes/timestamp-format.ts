import type { TimestampFormat } from '../wire.ts';

/** What a request wants timestamps to look like; seconds as a float if it does not say. */
export function timestampFormat(options: Readonly<Record<string, unknown>> = {}): TimestampFormat {
  const pick = (name: string) => options[name] ?? options[`formatOptions.${name}`];
  const named = pick('timestampOutputFormat');
  if (named === 'INT64' || named === 'FLOAT64' || named === 'ISO8601_STRING') return named;
  return String(pick('useInt64Timestamp')) === 'true' ? 'INT64' : 'FLOAT64';
}

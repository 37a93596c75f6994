import type { TimestampFormat } from '../wire.ts';

/**
 * Returns the timestamp format that a request asks for; the default is seconds as a float.
 * https://cloud.google.com/bigquery/docs/reference/rest/v2/DataFormatOptions
 */
export function timestampFormat(options: Readonly<Record<string, unknown>> = {}): TimestampFormat {
  const pick = (name: string) => options[name] ?? options[`formatOptions.${name}`];
  const named = pick('timestampOutputFormat');
  if (named === 'INT64' || named === 'FLOAT64' || named === 'ISO8601_STRING') return named;
  return String(pick('useInt64Timestamp')) === 'true' ? 'INT64' : 'FLOAT64';
}

/** A Cloud Logging entry, with the fields that filters use. */
export interface LogEntry {
  resource: { type: string; labels: Record<string, string> };
  severity: string;
  jsonPayload?: Record<string, unknown>;
  textPayload?: string;
}

/** Fields of a structured line that become fields of the entry and are not in its payload. */
const SPECIAL = /^(severity|time|timestamp|httpRequest|logging\.googleapis\.com\/.*)$/;

/**
 * The entry that Cloud Run creates from a line of a function's log (https://cloud.google.com/logging/docs/structured-logging). A
 * JSON object becomes the payload, without its special fields. If only `message` remains, it becomes a text payload.
 */
export function logEntryOf(line: string, service: string): LogEntry {
  const resource = { type: 'cloud_run_revision', labels: { service_name: service } };
  const written = objectOf(line);
  if (written === null) return { resource, severity: 'DEFAULT', textPayload: line };
  const severity = typeof written.severity === 'string' ? written.severity : 'DEFAULT';
  const jsonPayload = Object.fromEntries(Object.entries(written).filter(([name]) => !SPECIAL.test(name)));
  const isText = Object.keys(jsonPayload).join() === 'message';
  return isText
    ? { resource, severity, textPayload: String(jsonPayload.message) }
    : { resource, severity, jsonPayload };
}

function objectOf(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  return JSON.parse(line) as Record<string, unknown>;
}

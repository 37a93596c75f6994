import { setTimeout as elapse } from 'node:timers/promises';
import type { LogRequest } from '../installation.ts';
import { FRESHNESS, fromFields, type LogLine } from '../output/log-line.ts';

/** Cloud Logging allows 60 reads per minute and project: https://cloud.google.com/logging/quotas#api-limits */
const POLL_MS = 4_000;
/** Entries may arrive out of order and late. */
const OVERLAP_MS = 30_000;
/** Of one page: https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list */
const MAX_PAGE = 1000;

type Logging = {
  project: string;
  services: readonly string[];
  /** What Terraform appends to the names of the functions. */
  suffix: string;
  list: (body: object) => Promise<object>;
};

type Entry = {
  insertId?: string;
  timestamp?: string;
  severity?: string;
  textPayload?: string;
  jsonPayload?: Record<string, unknown>;
  resource?: { labels?: Record<string, string> };
};

/** Reads the functions' entries from Cloud Logging, the oldest first. */
export async function* readCloudLogs(logging: Logging, request: LogRequest): AsyncGenerator<LogLine> {
  const { follow, limit } = request;
  const seen = new Map<string, number>();
  let since = request.since;
  let maxEntries = Math.max(limit, 1);
  let isFirst = true;
  for (;;) {
    const entries = await newestEntries(logging, filterOf(logging, request, since), maxEntries);
    for (const entry of entries.reverse()) {
      const { insertId = '', timestamp = '' } = entry;
      const id = `${timestamp} ${insertId}`;
      if (!seen.has(id) && !(isFirst && limit === 0)) yield lineOf(entry, logging.suffix);
      seen.set(id, Date.parse(timestamp));
    }
    if (!follow) return;
    isFirst = false;
    maxEntries = MAX_PAGE;
    const newest = Math.max(request.since.getTime(), ...[...seen.values()].slice(-MAX_PAGE));
    since = new Date(newest - OVERLAP_MS);
    for (const [id, at] of seen) if (at < since.getTime()) seen.delete(id);
    await elapse(POLL_MS);
  }
}

/** The newest entries, at most so many, the newest first. */
async function newestEntries(logging: Logging, filter: string, maxEntries: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  let pageToken: string | undefined;
  do {
    const answer = (await logging.list({
      resourceNames: [`projects/${logging.project}`],
      filter,
      orderBy: 'timestamp desc',
      pageSize: Math.min(maxEntries - entries.length, MAX_PAGE),
      ...(pageToken !== undefined && { pageToken }),
    })) as { entries?: Entry[]; nextPageToken?: string };
    entries.push(...(answer.entries ?? []));
    pageToken = answer.nextPageToken || undefined;
  } while (pageToken !== undefined && entries.length < maxEntries);
  return entries;
}

function filterOf({ services }: Logging, { view, level }: LogRequest, since: Date): string {
  return [
    'resource.type="cloud_run_revision"',
    `resource.labels.service_name=(${services.map(quoted).join(' OR ')})`,
    // Lines that are not ours, such as those of a crash, have no severity.
    `(severity>=${level} OR severity=DEFAULT)`,
    // Not the requests that Cloud Run logs.
    '(jsonPayload.message:* OR textPayload:*)',
    `timestamp>=${quoted(since.toISOString())}`,
    ...(level === 'DEBUG' ? [] : [`NOT jsonPayload.message=${quoted(FRESHNESS)}`]),
    ...(view === undefined ? [] : [`jsonPayload.view=${quoted(view)}`]),
  ].join('\n');
}

/** A text in the query language of Cloud Logging: https://cloud.google.com/logging/docs/view/logging-query-language#strings */
const quoted = (text: string): string => JSON.stringify(text);

function lineOf(
  { timestamp, severity = 'DEFAULT', textPayload, jsonPayload, resource }: Entry,
  suffix: string,
): LogLine {
  const service = resource?.labels?.service_name ?? '';
  const functionName = suffix !== '' && service.endsWith(suffix) ? service.slice(0, -suffix.length) : service;
  return fromFields(functionName, { message: textPayload ?? '', ...jsonPayload, severity, timestamp });
}

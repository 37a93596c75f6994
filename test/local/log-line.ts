import type { Line, Say } from './line.ts';
import { wordsOf } from './line.ts';

/** The fields of a function's structured log that are read here. */
interface LogEntry {
  severity?: string;
  message?: string;
  view?: string;
  etlTransactionId?: string;
  kind?: string;
  added?: string;
  changed?: string;
  deleted?: string;
  upserts?: number;
  lagMs?: number | null;
  durationMs?: number;
  check?: string;
  differences?: number;
  repaired?: number;
  part?: number;
  parts?: number;
  rows?: number;
  error?: string;
  advice?: string;
}

const SEVERE = new Set(['WARNING', 'ERROR', 'CRITICAL']);
/** Prefix of the fields that only Cloud Logging reads. */
const CLOUD_LOGGING = 'logging.googleapis.com/';
/** A warning or an error shows these fields without their names, or not at all. */
const SHOWN_WITHOUT_NAME = new Set(['severity', 'message', 'timestamp', 'view', 'error', 'advice', 'stack']);

/**
 * Formats a function's log line for people: applied batches, large staged batches, checks, warnings and errors. Returns undefined
 * for lines that only report normal progress. A line that is not a structured log is shown unchanged.
 */
export function formatLogLine(functionName: string, line: string): Line | undefined {
  const entry = parse(line);
  if (entry === undefined) return line.trim() === '' ? undefined : `${functionName}: ${line}`;
  if (SEVERE.has(entry.severity ?? '')) return formatProblem(functionName, entry);
  if (entry.message === 'batch applied') return formatApplied(entry);
  if (entry.message === 'batch staged' && entry.kind !== 'incremental') {
    return `${batchOf(entry)}: ${count(entry.upserts)} rows staged`;
  }
  if (entry.message === 'view and target are equal') return formatEqual(entry);
  // A view of one part is compared at once.
  if (entry.message === 'check goes on' && (entry.parts ?? 1) > 1) {
    return `${checkOf(entry)}: part ${entry.part} of ${entry.parts}, ${count(entry.rows)} rows so far`;
  }
  return undefined;
}

/** `240 ms`, `2.1 s`, `3 min 5 s` */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function parse(line: string): LogEntry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** What `+26 ~41 -3` means. */
export const LEGEND =
  'Rows of a batch: +added ~changed -deleted. Its lag is the time from its oldest change until BigQuery had it.';

/** Says the legend once, before the first line that needs it. */
export function withLegend(say: Say): Say {
  let isSaid = false;
  return (line) => {
    if (!isSaid && NEEDS_LEGEND.test(wordsOf(line))) {
      isSaid = true;
      say([['quiet', LEGEND]]);
    }
    say(line);
  };
}

const NEEDS_LEGEND = / batch \d+ \(\w+\): \+[\d,]+ ~[\d,]+ -[\d,]+ in /;

function formatApplied(entry: LogEntry): Line {
  const { durationMs = 0, lagMs } = entry;
  const lag = typeof lagMs === 'number' ? `, lag ${formatDuration(lagMs)}` : '';
  const rows = (['added', 'changed', 'deleted'] as const).flatMap((what) => [
    ' ',
    entry[what] === '0'
      ? `${ROWS[what].sign}0`
      : ([ROWS[what].look, ROWS[what].sign + count(entry[what])] as const),
  ]);
  return [`${batchOf(entry)}:`, ...rows, ` in ${formatDuration(durationMs)}${lag}`];
}

const ROWS = {
  added: { sign: '+', look: 'good' },
  changed: { sign: '~', look: 'warning' },
  deleted: { sign: '-', look: 'bad' },
} as const;

function formatEqual(entry: LogEntry): Line {
  const { differences = 0, repaired, durationMs = 0 } = entry;
  const found =
    differences === 0 ? '' : ` again: ${count(differences)} differed, ${count(repaired)} repaired`;
  return [
    `${checkOf(entry)}: `,
    ['good', 'both sides are equal'],
    `${found} (${formatDuration(durationMs)})`,
  ];
}

function formatProblem(functionName: string, entry: LogEntry): Line {
  const { severity = '', message = '', view, error, advice } = entry;
  const rest = Object.entries(entry)
    .filter(
      ([name, value]) =>
        !SHOWN_WITHOUT_NAME.has(name) && !name.startsWith(CLOUD_LOGGING) && value !== undefined,
    )
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const head = [functionName, view, message].filter(Boolean).join(': ');
  const details = rest.length > 0 ? ` (${rest.join(', ')})` : '';
  // Line ends of a payload must not begin a line that looks like one of ours.
  const texts = [error, advice].flatMap((text) =>
    text === undefined ? [] : `\n  ${text.replaceAll('\n', '\n  ')}`,
  );
  return [
    [severity === 'WARNING' ? 'warning' : 'bad', `${severity.toLowerCase()}: `],
    `${head}${details}`.replaceAll('\n', '\\n'),
    ...texts,
  ];
}

const batchOf = ({ view, etlTransactionId, kind }: LogEntry): string =>
  `${view} batch ${etlTransactionId} (${kind})`;

const checkOf = ({ view, check }: LogEntry): string => `${view} check ${check}`;

const count = (rows: string | number | undefined): string => BigInt(rows ?? 0).toLocaleString('en-US');

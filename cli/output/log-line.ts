import type { Tone } from '../../shared/model/tone.ts';
import { localTime } from './amounts.ts';
import { badge, faint, oneLine } from './text.ts';

/** A line that a function logged. A line that is no structured log has its text as `message`. */
export type LogLine = {
  timestamp: string | null;
  functionName: string;
  severity: string;
  view: string | null;
  message: string;
  fields: Record<string, unknown>;
};

/** Every tick logs it for each view: shown at the lowest level only. */
export const FRESHNESS = 'view freshness';

const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];
const TONES: Record<string, Tone> = {
  DEBUG: 'off',
  INFO: 'good',
  WARNING: 'warning',
  ERROR: 'bad',
  CRITICAL: 'bad',
};
/** Shown in front, below, or of no use to a reader. */
const NO_DETAIL = new Set(['error', 'advice', 'stack']);

/** Whether a severity is at least that high; one without a level is a line that somebody else wrote, such as a crash. */
export const isAtLeast = (severity: string, level: string): boolean =>
  !LEVELS.includes(severity) || LEVELS.indexOf(severity) >= LEVELS.indexOf(level);

/** A structured log line as the functions write it; anything else unchanged. */
export function parseLogLine(functionName: string, line: string): LogLine {
  const entry = objectOf(line);
  if (entry === null) {
    return { timestamp: null, functionName, severity: 'DEFAULT', view: null, message: line, fields: {} };
  }
  return fromFields(functionName, entry);
}

/** A log line of its fields. */
export function fromFields(functionName: string, entry: Record<string, unknown>): LogLine {
  const { severity, message, timestamp, view, ...rest } = entry;
  const fields = Object.entries(rest).filter(([name]) => !name.startsWith('logging.googleapis.com/'));
  return {
    timestamp: typeof timestamp === 'string' ? timestamp : null,
    functionName,
    severity: typeof severity === 'string' ? severity : 'DEFAULT',
    view: typeof view === 'string' ? view : null,
    message: typeof message === 'string' ? message : '',
    fields: Object.fromEntries(fields),
  };
}

function objectOf(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** A log line for people: what happened, then its fields, then error and advice below. */
export function formatLogLine({
  timestamp,
  functionName,
  severity,
  view,
  message,
  fields,
}: LogLine): string[] {
  const time = timestamp === null ? '' : `${faint(localTime(timestamp))} `;
  const details = Object.entries(fields)
    .filter(([name, value]) => !NO_DETAIL.has(name) && value !== null && value !== undefined)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const head = [functionName, ...(view === null ? [] : [view]), message].map(oneLine).join(': ');
  const state = badge(TONES[severity] ?? 'off', severity.toLowerCase());
  const below = [fields.error, fields.advice].filter((text) => typeof text === 'string');
  return [
    `${time}${state} ${head}${details.length === 0 ? '' : faint(` (${oneLine(details.join(', '))})`)}`,
    ...below.map((text) => `  ${oneLine(text)}`),
  ];
}

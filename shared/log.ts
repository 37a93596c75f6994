import { type Logger, pino } from 'pino';

export type { Logger };

// Cloud Logging reads `severity`, `message` and `timestamp` of a JSON line
// (https://cloud.google.com/logging/docs/structured-logging); pino has its own names for all three.
const SEVERITY: Record<string, string> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'CRITICAL',
};

/** A logger that writes one JSON line an outcome to standard output, in the form that Cloud Logging understands. */
export function createLog(level = 'info', destination?: NodeJS.WritableStream): Logger {
  return pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ severity: SEVERITY[label] ?? 'DEFAULT' }) },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}

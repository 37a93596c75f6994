import { type Logger, pino } from 'pino';
import type { Trace } from './trace.ts';

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

/** Creates a logger that writes JSON lines to standard output, in the form that Cloud Logging understands. */
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

/**
 * Returns a logger for one request. Every line has the function and the view as labels, for filters in Cloud Logging, and the trace, by
 * which Cloud Logging shows the lines of one tick together.
 */
export function logOfRequest(log: Logger, functionName: string, projectId: string, trace: Trace): Logger {
  return log.child(
    {
      'logging.googleapis.com/trace': `projects/${projectId}/traces/${trace.id}`,
      'logging.googleapis.com/spanId': trace.spanId,
      'logging.googleapis.com/trace_sampled': trace.isSampled,
    },
    {
      formatters: {
        log: (line) => ({
          ...line,
          'logging.googleapis.com/labels': {
            function: functionName,
            ...('view' in line && { view: line.view }),
          },
        }),
      },
    },
  );
}

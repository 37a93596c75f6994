import { BigQueryError, invalidQuery } from './error.ts';

interface DuckDbError {
  readonly exception_type: string;
  readonly exception_message: string;
  readonly error_subtype?: string;
  readonly name?: string;
}

/** The message of a conflict of two transactions, without its table. */
export const CONFLICT = 'Transaction is aborted due to concurrent update against table';

/** DuckDB's error with BigQuery's reason, and in BigQuery's words where they are known. */
export function parseDuckDbError(error: Error): BigQueryError {
  const details = parse(error.message);
  const message = details.exception_message;
  switch (details.exception_type) {
    case 'Binder':
      if (details.error_subtype === 'COLUMN_NOT_FOUND') {
        return invalidQuery(`Unrecognized name: ${details.name ?? message}`);
      }
      return invalidQuery(message);
    case 'Constraint': {
      const column = /NOT NULL constraint failed: .*\.([^.]+)$/.exec(message)?.[1];
      return invalidQuery(column === undefined ? message : `Required field ${column} cannot be null`);
    }
    case 'INTERRUPT':
    case 'Interrupt':
      return new BigQueryError('stopped', 'Job execution was cancelled: User requested cancellation');
    case 'TransactionContext':
      return invalidQuery(/conflict/i.test(message) ? CONFLICT : message);
    case 'Out of Memory':
      return new BigQueryError('resourcesExceeded', `Resources exceeded during query execution: ${message}`);
    case 'FATAL':
    case 'INTERNAL':
    case 'IO':
      return new BigQueryError('internalError', message);
    default:
      return invalidQuery(message);
  }
}

function parse(text: string): DuckDbError {
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === 'object' && 'exception_type' in parsed && 'exception_message' in parsed) {
      return parsed as DuckDbError;
    }
  } catch {
    // Errors of the Node.js binding are plain text.
  }
  const [, type = 'Unknown', message = text] = /^([A-Za-z ]+) Error: ([\s\S]*)$/.exec(text) ?? [];
  return { exception_type: type, exception_message: message };
}

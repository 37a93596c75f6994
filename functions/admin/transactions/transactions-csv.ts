import type { ListedTransaction } from '../../../shared/control/transaction-list.ts';
import { seesRows } from '../access/row-values.ts';

type User = Parameters<typeof seesRows>[0];
type Cell = string | number | bigint | boolean | Date | null;

/** The columns of the file. Times are ISO 8601 in UTC. */
const COLUMNS: Record<string, (row: ListedTransaction) => Cell> = {
  id: ({ id }) => id,
  view: ({ view }) => view,
  kind: ({ kind }) => kind,
  trigger: ({ trigger }) => trigger,
  state: ({ state }) => state,
  attempt: ({ attempt }) => attempt,
  started_at: ({ startedAt }) => startedAt,
  staged_at: ({ stagedAt }) => stagedAt,
  applied_at: ({ appliedAt }) => appliedAt,
  ended_at: ({ endedAt }) => endedAt,
  duration_seconds: ({ durationSeconds }) => durationSeconds,
  lag_seconds: ({ lagSeconds }) => lagSeconds,
  log_rows: ({ logRows }) => logRows,
  bad_keys: ({ badKeys }) => badKeys,
  staged_upserts: ({ stagedUpserts }) => stagedUpserts,
  staged_deletes: ({ stagedDeletes }) => stagedDeletes,
  staged_bytes: ({ stagedBytes }) => stagedBytes,
  rows_added: ({ added }) => added,
  rows_changed: ({ changed }) => changed,
  rows_deleted: ({ deleted }) => deleted,
  rows_unchanged: ({ unchanged }) => unchanged,
  source_rows: ({ sourceRows }) => sourceRows,
  target_rows: ({ targetRows }) => targetRows,
  bytes_billed: ({ bytesBilled }) => bytesBilled,
  slot_ms: ({ slotMs }) => slotMs,
  is_complete: ({ isComplete }) => isComplete,
  is_consistent: ({ isConsistent }) => isConsistent,
  load_job_id: ({ loadJobId }) => loadJobId,
  apply_job_id: ({ applyJobId }) => applyJobId,
  error: ({ error }) => error,
};

/** Of the columns, those that the user may read. */
const columnsFor = (user: User) =>
  Object.entries(COLUMNS).filter(([name]) => name !== 'error' || seesRows(user));

export const csvHeader = (user: User): string =>
  `${columnsFor(user)
    .map(([name]) => name)
    .join(',')}\r\n`;

/** The lines of a CSV file (RFC 4180). */
export function csvLines(rows: readonly ListedTransaction[], user: User): string {
  const cells = columnsFor(user).map(([, cell]) => cell);
  return rows.map((row) => `${cells.map((cell) => csvCell(cell(row))).join(',')}\r\n`).join('');
}

/**
 * One cell. A text at which a spreadsheet would begin a formula gets an apostrophe before it, which spreadsheets hide
 * (https://owasp.org/www-community/attacks/CSV_Injection).
 */
export function csvCell(value: Cell): string {
  if (value === null) return '';
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'string') return String(value);
  const harmless = /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

import { z } from 'zod';

/** Where the change log is, and what PostgreSQL's statistics say about rows that were deleted from it. */
export type LogOrigin = {
  /** Identifies the server and its physical copies; null if the role may not read it. */
  systemIdentifier: string | null;
  database: string;
  schema: string;
  /** The table, and its pg_class.oid, by which one that was made anew is told from the one before; null if an older release noted the origin. */
  table: string | null;
  tableOid: string | null;
  /** The last log row that asks for a resync and has been heeded, 0 if there is none; null if an older release, which heeds none, noted the origin. */
  resyncId: bigint | null;
  /** Null if the log is empty. */
  lowestId: bigint | null;
  /** Rows that were ever deleted, by the statistics of the server. A reset of the statistics lowers it. */
  deletedRows: bigint;
  /** How many more rows the last pruning may have deleted than the statistics, which are a little late, had counted. */
  uncountedRows: bigint;
};

const count = z.string().regex(/^\d+$/).transform(BigInt);
const logOrigin = z.object({
  systemIdentifier: z.string().nullable(),
  database: z.string(),
  schema: z.string(),
  table: z.string().nullable().default(null),
  tableOid: z.string().nullable().default(null),
  resyncId: z.string().regex(/^\d+$/).transform(BigInt).nullable().default(null),
  lowestId: z
    .string()
    .regex(/^-?\d+$/)
    .transform(BigInt)
    .nullable(),
  deletedRows: count,
  uncountedRows: count,
});

/** Reads an origin from its JSON form, in which 64-bit numbers are text. Throws a ZodError if the JSON has another form. */
export const logOriginFromJson = (json: unknown): LogOrigin => logOrigin.parse(json);

export const logOriginToJson = (origin: LogOrigin): string =>
  JSON.stringify(origin, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

/**
 * Why the log that is read now may be another server's or database's than the one before; null if it is not. An upgrade by pg_upgrade changes the
 * identifier of a server, too.
 */
export function otherSource(before: LogOrigin, now: LogOrigin): string | null {
  const isSame =
    before.database === now.database &&
    (before.systemIdentifier === now.systemIdentifier ||
      before.systemIdentifier === null ||
      now.systemIdentifier === null);
  if (isSame) return null;
  return `the source is another server or database than before: ${name(before)} until now, ${name(now)} since then`;
}

/**
 * Why the log that is read now is another table than the one that was captured before; null if it is not, or if nothing tells. What was captured of
 * one says nothing about the ids of the other.
 */
export function otherLog(before: LogOrigin, now: LogOrigin): string | null {
  if (before.table === null) return null;
  if (before.table !== now.table) return `the change log is ${now.table} now, and was ${before.table} before`;
  const isSamePlace = otherSource(before, now) === null && before.schema === now.schema;
  if (isSamePlace && before.tableOid !== now.tableOid) return `the change log ${now.table} was made anew`;
  return null;
}

const name = ({ database, systemIdentifier }: LogOrigin): string =>
  `database ${database} of server ${systemIdentifier ?? 'unknown'}`;

/**
 * How many rows were deleted from the log since `before`, other than those below its present lowest id: pruning by id deletes no others. Returns
 * `now` with the rows that the statistics still have to count.
 */
export function deletedInside(before: LogOrigin, now: LogOrigin): { rows: bigint; noted: LogOrigin } {
  if (before.lowestId === null || now.lowestId === null) return { rows: 0n, noted: now };
  const pruned = atLeastZero(now.lowestId - before.lowestId);
  const deleted = atLeastZero(now.deletedRows - before.deletedRows);
  return {
    rows: atLeastZero(deleted - pruned - before.uncountedRows),
    noted: { ...now, uncountedRows: atLeastZero(pruned - deleted) },
  };
}

const atLeastZero = (value: bigint): bigint => (value > 0n ? value : 0n);

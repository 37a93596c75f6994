import type { Job } from '@google-cloud/bigquery';
import type { Deadline } from '../deadline.ts';
import { DataHubError, type ErrorContext } from '../errors.ts';
import { fromGoogle } from '../google/google-errors.ts';
import type { BucketSum } from '../model/buckets.ts';
import type { Column } from '../model/columns.ts';
import type { RowOrder, RowSelection } from '../model/drill.ts';
import { LookSize } from '../model/look-size.ts';
import type { HashedRow } from '../model/match-rows.ts';
import { isHashed } from '../model/row-text.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { BigQueryAccess } from './bigquery-access.ts';
import {
  bucketSumsSql,
  type ComparedTarget,
  deleteRowsSql,
  type HashedSelection,
  hashedRowsSql,
  keyedRowsSql,
  rowStatesSql,
} from './compare-rows-sql.ts';
import { resultPages, resultRows, resultTexts } from './job-results.ts';
import type { JobSpec } from './job-spec.ts';
import { objectNames, quoted } from './names.ts';
import { type PartitionValues, partitionCondition } from './partition-condition.ts';
import { runJobToCompletion } from './run-job.ts';

/** A query of a check, whose name is the same at each attempt, so that it is billed once. */
export type CheckQuery = ComparedTarget & {
  /** Names the query within the check. */
  runName: string;
  maxBytes: bigint | null;
};

/** The keys of some rows, as text, and the partitions that these rows belong to; null to read all partitions. */
export type RecentKeys = { keys: readonly string[]; partitions: PartitionValues | null };

/** A row of the target. The texts are those by which its hashed columns are compared, and the values are all its columns as JSON. */
export type TargetRow = {
  key: string;
  etlTransactionId: bigint | null;
  texts: (string | null)[];
  values: (string | null)[];
};

/** A row of a merged target, which may be marked as deleted. */
export type TargetRowState = TargetRow & { isDeleted: boolean };

/**
 * The part of the warehouse that reads a target for a comparison. Everything throws `transient` when its job outlives the deadline: the next call
 * finds the job by its name. A query that would read more than `maxBytes` is refused as `invalid_event`.
 */
export function createRowComparison({ openBigQuery, datasets, nameOf }: BigQueryAccess) {
  const run = async (
    { shape, runName, maxBytes }: Pick<CheckQuery, 'shape' | 'runName' | 'maxBytes'>,
    query: string,
    deadline: Deadline,
    parameters: QueryParameter[] = [],
  ) => {
    const context = { view: shape.view };
    const job = await runJobToCompletion(
      await openBigQuery(),
      deadline,
      (jobAttempt): JobSpec => ({
        id: nameOf('check', shape.view, runName, jobAttempt),
        configuration: {
          query: {
            query,
            useLegacySql: false,
            ...(maxBytes !== null && { maximumBytesBilled: String(maxBytes) }),
            ...(parameters.length > 0 && { parameterMode: 'NAMED', queryParameters: parameters }),
          },
        },
        labels: { view: shape.view, step: 'check' },
        context,
        kinds: LIMIT_EXCEEDED,
      }),
    );
    return { job, context };
  };

  const keyedHashes = (
    compared: ComparedTarget,
    keys: readonly string[],
    partitions: PartitionValues | null,
  ) => ({
    query: hashedRowsSql(datasets, compared, {
      ...({ order: 'bucket', range: null, listed: 'keys' } as const),
      partitions: partitions === null ? null : partitionCondition(partitions),
    }),
    parameterMode: 'NAMED',
    queryParameters: [arrayParameter('keys', keyTypeOf(compared.shape), keys)],
  });

  return {
    /** The statement that deletes rows of a target which have these keys, or keys that several rows have, for a person to run. */
    deleteRowsSql: (
      { targetName, keyColumn }: Pick<ViewSource, 'targetName' | 'keyColumn'>,
      keys: readonly string[] | 'repeated',
    ): string => deleteRowsSql(datasets, { target: targetName, keyColumn }, keys),

    /** The statement that drops a target, for a person to run. */
    dropTargetSql: ({ targetName }: Pick<ViewSource, 'targetName'>): string =>
      `drop table ${quoted(objectNames(datasets, { target: targetName }).target)}`,

    /** BigQuery's time, to the microsecond, as a timestamp that GoogleSQL reads. */
    async currentTime(view: string, runName: string, deadline: Deadline): Promise<string> {
      const context = { view };
      const job = await runJobToCompletion(await openBigQuery(), deadline, (jobAttempt) => ({
        id: nameOf('time', view, runName, jobAttempt),
        configuration: { query: { query: TIME, useLegacySql: false } },
        labels: { view, step: 'check' },
        context,
      }));
      const [row] = await resultRows(job, context);
      return timestampText(BigInt(String(row?.now)));
    },

    /** How many bytes the first query of a check would read, as BigQuery estimates. `recent` are the keys of a check that reads no others. */
    async estimateBytes(compared: ComparedTarget, recent: RecentKeys | null): Promise<bigint> {
      const query =
        recent === null
          ? { query: bucketSumsSql(datasets, compared) }
          : keyedHashes(compared, recent.keys, recent.partitions);
      const [job] = await (await openBigQuery())
        .createJob({ configuration: { query: { ...query, useLegacySql: false }, dryRun: true } })
        .catch((error: unknown) => {
          throw fromGoogle(error, 'dry run of a check', { view: compared.shape.view });
        });
      return BigInt(String(job.metadata.statistics.totalBytesProcessed ?? 0));
    },

    async sumBuckets(query: CheckQuery, deadline: Deadline): Promise<BucketSum[]> {
      const { job, context } = await run(query, bucketSumsSql(datasets, query), deadline);
      return (await resultRows(job, context)).map((row) => ({
        bucket: Number(row.bucket),
        rows: Number(row.row_count),
        hash: BigInt(String(row.row_hash)),
      }));
    },

    /**
     * Runs the query for some rows, or finds it. What it returns yields them in ascending order of places, from the row with this number on; only one page of
     * them is in memory.
     */
    async readHashes(
      query: CheckQuery,
      order: RowOrder,
      { range, buckets }: RowSelection,
      startRow: number,
      deadline: Deadline,
    ): Promise<AsyncGenerator<HashedRow>> {
      const isAll = buckets === 'all';
      const selection: HashedSelection = { order, range, listed: isAll ? null : 'buckets', partitions: null };
      const parameters = isAll ? [] : [arrayParameter('buckets', 'INT64', buckets.map(String))];
      const { job, context } = await run(
        query,
        hashedRowsSql(datasets, query, selection),
        deadline,
        parameters,
      );
      return hashedRows(resultTexts(job, context, startRow));
    },

    /** The same for the rows with these keys, in ascending order of buckets. Rows in other partitions are left out. */
    async readHashesByKey(
      query: CheckQuery,
      { keys, partitions }: RecentKeys,
      deadline: Deadline,
    ): Promise<AsyncGenerator<HashedRow>> {
      const { query: text, queryParameters } = keyedHashes(query, keys, partitions);
      const { job, context } = await run(query, text, deadline, queryParameters);
      return hashedRows(resultTexts(job, context, 0));
    },

    /** Reads rows by their keys. A key that the target has twice gives two rows. Throws `invalid_event` if the rows are too large. */
    async readComparedRows(
      query: Omit<CheckQuery, 'buckets'>,
      keys: readonly string[],
      deadline: Deadline,
    ): Promise<TargetRow[]> {
      const { columns, shape } = query;
      const parameters = [arrayParameter('keys', keyTypeOf(shape), keys)];
      const { job, context } = await run(query, keyedRowsSql(datasets, query), deadline, parameters);
      return await keyedRows(job, context, new LookSize(shape.view), (row) => targetRow(row, columns));
    },

    /** Reads rows of a merged target by their keys, deleted ones too. Throws `invalid_event` if they are too large together with what `size` has. */
    async readRowStates(
      query: Omit<CheckQuery, 'buckets'>,
      keys: readonly string[],
      size: LookSize,
      deadline: Deadline,
    ): Promise<TargetRowState[]> {
      const { columns, shape } = query;
      const parameters = [arrayParameter('keys', keyTypeOf(shape), keys)];
      const { job, context } = await run(query, rowStatesSql(datasets, query), deadline, parameters);
      return await keyedRows(job, context, size, (row) => ({
        ...targetRow(row, columns),
        isDeleted: row.is_deleted === true,
      }));
    },
  };
}

/** The reason of a query that would bill more than `maximumBytesBilled`. */
const LIMIT_EXCEEDED = new Map([['bytesBilledLimitExceeded', 'invalid_event' as const]]);

/** The cells of a row are those of `hashedRowsSql`, in its order. */
async function* hashedRows(rows: AsyncIterable<readonly { v: string | null }[]>): AsyncGenerator<HashedRow> {
  for await (const [place, key, hash, ...values] of rows) {
    yield {
      place: Number(place?.v),
      key: String(key?.v),
      hash: String(hash?.v),
      values: values.map(({ v }) => v),
    };
  }
}

const targetRow = (row: Record<string, unknown>, columns: CheckQuery['columns']): TargetRow => ({
  key: String(row.key),
  etlTransactionId: row.etl_transaction_id === null ? null : BigInt(String(row.etl_transaction_id)),
  texts: columns.filter(isHashed).map((_, i) => textOf(row[`text_${i}`])),
  values: columns.map((_, i) => textOf(row[`value_${i}`])),
});

async function keyedRows<Row extends TargetRow>(
  job: Job,
  context: ErrorContext,
  size: LookSize,
  toRow: (row: Record<string, unknown>) => Row,
): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of resultPages(job, context)) {
    for (const each of page) {
      const row = toRow(each);
      size.add(row);
      rows.push(row);
    }
  }
  return rows;
}

const TIME = 'select unix_micros(current_timestamp()) as now';

/** Microseconds since 1970 as a timestamp that GoogleSQL and PostgreSQL read. */
function timestampText(micros: bigint): string {
  const seconds = new Date(Number(micros / 1_000_000n) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return `${seconds}.${String(micros % 1_000_000n).padStart(6, '0')} UTC`;
}

type QueryParameter = Record<string, unknown>;

function arrayParameter(name: string, type: Column['type'], values: readonly string[]): QueryParameter {
  return {
    name,
    parameterType: { type: 'ARRAY', arrayType: { type } },
    parameterValue: { arrayValues: values.map((value) => ({ value })) },
  };
}

function keyTypeOf({ columns, keyColumn, view }: ComparedTarget['shape']): Column['type'] {
  const type = columns.find(({ name }) => name === keyColumn)?.type;
  if (type === undefined) throw new DataHubError('bug', `view ${view} has no column ${keyColumn}`);
  return type;
}

const textOf = (cell: unknown): string | null => (cell === null || cell === undefined ? null : String(cell));

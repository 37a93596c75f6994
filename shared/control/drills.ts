import type pg from 'pg';
import { checkpointFromJson } from '../model/checkpoint.ts';
import type { DifferenceCounts, Moment } from '../model/consistency.ts';
import type { DrillProgress, DrillQuery } from '../model/drill.ts';
import type { FoundDifference } from '../model/match-rows.ts';
import { inStatement, type Queryable } from '../postgres/transaction.ts';
import { inLeasedTransaction, type Lease } from './leases.ts';

/** A difference is stored for a second look, and afterwards for an operator; more are only counted. */
export const MAX_STORED_DIFFERENCES = 20_000;

/** What a part of a drill found. */
export type DrilledPart = {
  /** How many parts there are. */
  parts: number;
  /** How many rows of the query's result it read. */
  rowsRead: number;
  /** The keys that were queued before the part read the source. */
  queuedKeys: readonly string[];
  found: readonly FoundDifference[];
  counts: DifferenceCounts;
  pending: number;
};

/** The comparison of single rows, part by part. A method that gets a lease throws `superseded` when that is lost. */
export function createDrills(pool: pg.Pool) {
  return {
    /**
     * How far the comparison has come. Its query serves no longer when its parts have been read, or when a batch with the whole view has been applied since its
     * moment.
     */
    async drill(id: bigint): Promise<DrillProgress> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select c.drill_parts_done as "partsDone", c.drill_rows::float8 as "rowsRead", coalesce(c.drill_queued_keys, '{}') as "queuedKeys",
           coalesce(c.missing, 0)::float8 as missing, coalesce(c.extra, 0)::float8 as extra,
           coalesce(c.different, 0)::float8 as different, coalesce(c.duplicates, 0)::float8 as duplicate,
           coalesce(c.pending, 0)::float8 as pending,
           case when c.drill_parts_done < (c.drill->>'partsEnd')::int and not exists (
             select from etl.etl_transaction t
             where t.view_name = c.view_name and t.state = 'applied' and t.is_complete
               and t.id > (c.drill->'moment'->>'etlTransactionId')::bigint
           ) then c.drill end as query
         from etl.consistency_check c where c.id = $1`,
        [id],
      );
      const { query, partsDone, rowsRead, queuedKeys, pending, ...counts } = rows[0];
      return {
        partsDone,
        rowsRead,
        queuedKeys,
        pending,
        counts,
        query: query === null ? null : fromJson(query),
      };
    },

    /** Records the query of the next parts, and the keys that were queued at its moment. */
    async startDrill(
      lease: Lease,
      id: bigint,
      query: DrillQuery,
      queuedKeys: readonly string[],
    ): Promise<void> {
      await inLeasedTransaction(pool, lease, (client) =>
        client.query(
          `update etl.consistency_check set drill = $2, drill_queued_keys = $3, drill_rows = 0 where id = $1 and state = 'comparing'`,
          [id, toJson(query), queuedKeys],
        ),
      );
    },

    /** Lets the next part take a query and a moment of its own. */
    async forgetDrillQuery(lease: Lease, id: bigint): Promise<void> {
      await inLeasedTransaction(pool, lease, (client) =>
        client.query('update etl.consistency_check set drill = null where id = $1', [id]),
      );
    },

    /** Records the rows of a first look without parts that differ, instead of those that an earlier try found. */
    async noteRecentRows(lease: Lease, id: bigint, found: readonly FoundDifference[]): Promise<void> {
      await inLeasedTransaction(pool, lease, async (client) => {
        await client.query('delete from etl.consistency_difference where check_id = $1', [id]);
        await storeDifferences(client, id, found);
      });
    },

    /** Records what the part after the first `partsDone` parts found: its numbers, and its rows as long as all that differ can be stored. */
    async noteDrilledPart(lease: Lease, id: bigint, partsDone: number, part: DrilledPart): Promise<void> {
      const { counts, found, parts, pending, queuedKeys, rowsRead } = part;
      await inLeasedTransaction(pool, lease, async (client) => {
        const noted = await client.query(
          `update etl.consistency_check
           set drill_parts_done = $2 + 1, drill_parts = $3, drill_rows = drill_rows + $4, pending = $5, drill_queued_keys = $6,
             missing = coalesce(missing, 0) + $7, extra = coalesce(extra, 0) + $8,
             different = coalesce(different, 0) + $9, duplicates = coalesce(duplicates, 0) + $10
           where id = $1 and state = 'comparing' and drill_parts_done = $2`,
          [
            ...[id, partsDone, parts, rowsRead, pending, queuedKeys],
            ...[counts.missing, counts.extra, counts.different, counts.duplicate],
          ],
        );
        if (noted.rowCount !== 1)
          throw new RangeError(`part ${partsDone + 1} of check ${id} was read already`);
        await storeDifferences(client, id, found);
      });
    },
  };
}

async function storeDifferences(
  client: Queryable,
  id: bigint,
  found: readonly FoundDifference[],
): Promise<void> {
  await client.query(
    `insert into etl.consistency_difference (check_id, key, kind)
     select $1, key, kind from unnest($2::text[], $3::text[]) as found (key, kind)
     limit greatest(0, ${MAX_STORED_DIFFERENCES} - (select count(*) from etl.consistency_difference where check_id = $1))`,
    [id, found.map(({ key }) => key), found.map(({ kind }) => kind)],
  );
}

const toJson = (query: DrillQuery): string =>
  JSON.stringify(query, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

function fromJson(json: DrillQuery): DrillQuery {
  const { targetAsOf, checkpoint, etlTransactionId } = json.moment as Record<keyof Moment, unknown>;
  return {
    ...json,
    moment: {
      targetAsOf: targetAsOf as string,
      checkpoint: checkpointFromJson(checkpoint),
      etlTransactionId: etlTransactionId === null ? null : BigInt(etlTransactionId as string),
    },
  };
}

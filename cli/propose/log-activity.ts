import { quoteLiteral } from '../../shared/postgres/quote.ts';
import type { Queryable } from '../../shared/postgres/transaction.ts';
import { logRows } from '../../shared/source/log-table.ts';
import { readBriefly } from '../../shared/source/read-briefly.ts';
import { RESYNC_ACTION } from '../../shared/source/trigger-log.ts';

/** What the newest log rows say of one model. */
export type Activity = {
  changesPerDay: number;
  deletedShare: number;
  /** In how many different minutes changes were logged, of those that the newest log rows cover. */
  busyMinutes: number;
};

/** The newest log rows of all tables are looked at, so that the cost does not grow with the log. */
const NEWEST_ROWS = 10_000;
const TIMEOUT_SECONDS = 20;

/** Reads how often the objects of each content type change. The log rows of less than a day count as those of one day, unless there are as many as are read. */
export async function readActivity(client: Queryable, logTable: string): Promise<Map<number, Activity>> {
  const found = await readBriefly(
    client,
    async () =>
      (
        await client.query(
          `with recent as materialized (
             select content_type_id::int as type, action, date_created from ${logRows(logTable)} log order by id desc limit ${NEWEST_ROWS}
           ), period as (
             select greatest(extract(epoch from now() - min(date_created)) / 86400,
               case when count(*) < ${NEWEST_ROWS} then 1 else 1.0 / 1440 end)::float8 as days from recent
           )
           select type, (count(*) / (select days from period))::float8 as "changesPerDay",
             (count(*) filter (where action = 'deleted') / count(*)::float8) as "deletedShare",
             count(distinct date_trunc('minute', date_created))::int as "busyMinutes"
           from recent where action <> ${quoteLiteral(RESYNC_ACTION)} group by type`,
        )
      ).rows,
    TIMEOUT_SECONDS,
  );
  return new Map((found ?? []).map(({ type, ...activity }) => [type as number, activity as Activity]));
}

import type pg from 'pg';
import { inStatement, inTransaction } from '../postgres/transaction.ts';
import { releaseKeys } from './queued-keys.ts';
import { endRetries } from './retries.ts';

/** Who stopped a view, and why, as far as they said so. */
export type Stop = { by: string | null; why: string | null };
/** A stop that may end by itself. */
export type Pause = Stop & { until: Date | null };
const NOBODY: Pause = { by: null, why: null, until: null };

const NOT_PAUSED =
  'paused = false, paused_at = null, paused_by = null, paused_reason = null, paused_until = null';

/** Dead-lettered events stay unresolved: only a redrive handles them. */
const RESOLVED_BY_RESUME = `resolved_at is null and kind <> 'invalid_event'`;

/** How operators stop and restart a view. The caller makes sure that the view source exists. */
export function createViewStops(pool: pg.Pool) {
  return {
    /**
     * Stops the view for now: nothing is extracted or applied until it is resumed, or until a tick finds that its time has come. A batch in
     * flight waits. A view that is paused already keeps the time of its first pause.
     */
    async pause(view: string, { by, why, until }: Pause = NOBODY): Promise<void> {
      await inStatement(
        pool,
        'control',
        `update etl.view_source set paused = true, paused_at = case when paused then coalesce(paused_at, now()) else now() end,
             paused_by = $2, paused_reason = $3, paused_until = $4
           where name = $1`,
        [view, by, why, until],
      );
    },

    /** Ends the pauses whose time has come, and returns their views. A view that is halted too stays halted. Safe to repeat. */
    async endPauses(): Promise<string[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        `update etl.view_source set ${NOT_PAUSED} where paused and paused_until <= now() returning name`,
      );
      return rows.map(({ name }) => name);
    },

    /** Stops the view with a reason, as a failing function does. A batch in flight waits. */
    async halt(view: string, reason: string, by: string | null = null): Promise<void> {
      await inStatement(
        pool,
        'control',
        'update etl.view_source set halted_at = now(), halted_reason = $2, halted_by = $3 where name = $1',
        [view, reason, by],
      );
    },

    /**
     * Lets a halted or paused view run again. Its failed batches become `abandoned`: a later batch captures their log rows again, and
     * their queued keys are released. The next extract checks the warehouse objects again, and the highest batch id in the target.
     */
    async resume(view: string): Promise<void> {
      await inTransaction(pool, 'control', 'begin', (client) => resumeView(client, view));
    },

    /** What `resume` would do beside ending the stop: the numbers of failed batches and of failures that count as resolved then. */
    async whatResumes(view: string): Promise<{ failedBatches: number; failures: number }> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select (select count(*)::int4 from etl.etl_transaction where view_name = $1 and state = 'failed') as "failedBatches",
           (select count(*)::int4 from etl.etl_error where view_name = $1 and ${RESOLVED_BY_RESUME}) as failures`,
        [view],
      );
      return rows[0] as { failedBatches: number; failures: number };
    },

    /**
     * Makes the next batch of the view carry the whole view, and lets a halted view run again, but not a paused one; `false` withdraws that
     * request and resumes nothing. `acceptsDeletes` belongs to this request alone: it ends with it.
     */
    async requestResync(
      view: string,
      { isWanted, acceptsDeletes }: { isWanted: boolean; acceptsDeletes: boolean },
    ): Promise<void> {
      await inTransaction(pool, 'control', 'begin', async (client) => {
        await client.query(
          `update etl.view_source set resync_by_system = false,
             resync_requested_at = case when $2 then request.at end,
             deletes_accepted_for = case when $2 and $3 then request.at end
           from (select date_trunc('milliseconds', clock_timestamp()) as at) request
           where name = $1`,
          [view, isWanted, acceptsDeletes],
        );
        if (isWanted) await endHalt(client, view);
      });
    },
  };
}

/** Within a control transaction: see `resume`. */
export async function resumeView(client: pg.PoolClient, view: string): Promise<void> {
  await client.query(`update etl.view_source set ${NOT_PAUSED} where name = $1`, [view]);
  await endHalt(client, view);
}

/** Within a control transaction: does what `resume` does, but leaves a paused view paused. */
async function endHalt(client: pg.PoolClient, view: string): Promise<void> {
  await client.query(
    `update etl.view_source set halted_at = null, halted_reason = null, halted_by = null, missing_since = null, warehouse_fingerprint = null,
       target_state = jsonb_set(target_state, '{createdAt}', 'null')
     where name = $1`,
    [view],
  );
  await endRetries(client, view);
  await client.query(
    `update etl.etl_error set resolved_at = now() where view_name = $1 and ${RESOLVED_BY_RESUME}`,
    [view],
  );
  const { rows } = await client.query(
    `update etl.etl_transaction set state = 'abandoned', ended_at = now() where view_name = $1 and state = 'failed' returning id`,
    [view],
  );
  // One of them may have changed the target after all.
  if (rows.length > 0) {
    await client.query('update etl.view_source set target_state = null where name = $1', [view]);
  }
  for (const row of rows) await releaseKeys(client, row.id as bigint);
}

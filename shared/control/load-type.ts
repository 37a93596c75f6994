import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import { IN_FLIGHT } from '../model/batch-states.ts';
import type { LoadType } from '../model/columns.ts';
import { inTransaction, type Queryable } from '../postgres/transaction.ts';
import { lockConfiguration } from './configuration-lock.ts';
import { releaseKeys } from './queued-keys.ts';
import { resumeView } from './view-stops.ts';

/** Which load type feeds which target (I11). */
export function createLoadTypes(pool: pg.Pool) {
  return {
    /** Why the view must not feed this target with this load type; null when it may. */
    async conflict(view: string, loadType: LoadType, target: string): Promise<string | null> {
      return await inTransaction(pool, 'control', 'begin read only', (client) =>
        targetConflict(client, { view, loadType, target }),
      );
    },

    /**
     * Points the view at a new target with another load type; the load type of an existing target never changes (I11). The new target has
     * covered nothing, so the checkpoint is deleted, and what is remembered of the former target is forgotten. Throws `invalid_event` while a function works on the view or a batch is staged or being applied, and
     * for a target that belongs or belonged to another view, or that the other load type fed.
     */
    async changeLoadType(view: string, loadType: LoadType, target: string): Promise<void> {
      await inTransaction(pool, 'control', 'begin', async (client) => {
        await lockConfiguration(client);
        const { rows: former } = await client.query(
          'select load_type, target_name from etl.view_source where name = $1 for update',
          [view],
        );
        const held = await client.query('select from etl.lease where name = $1 and expires_at > now()', [
          view,
        ]);
        if (held.rowCount !== 0) throw refused(view, 'a function is working on it', 'Try again in a minute.');
        await abandonExtracting(client, view);
        const inFlight = await client.query(
          'select id::text from etl.etl_transaction where view_name = $1 and state = any($2)',
          [view, IN_FLIGHT],
        );
        if (inFlight.rowCount !== 0) {
          throw refused(view, `batch ${inFlight.rows[0].id} is in flight`, 'Wait until it is applied.');
        }
        const why = await targetConflict(client, { view, loadType, target });
        if (why !== null) {
          throw refused(
            view,
            why,
            'Choose another name for the new target. The old target and its reporting view stay until you drop them.',
          );
        }
        await client.query(
          `insert into etl.former_target (target_name, view_name, load_type) values ($1, $2, $3)
           on conflict (target_name) do nothing`,
          [former[0]?.target_name, view, former[0]?.load_type],
        );
        await client.query('delete from etl.checkpoint where view_name = $1', [view]);
        await client.query(
          `update etl.view_source set load_type = $2, target_name = $3, resync_requested_at = null, rewrite_id = null, target_state = null,
             reporting_view_hash = null, resync_advised_at = null, resync_advised_reason = null,
             applied_policy_tags = '{}', unfilled_columns = '{}', known_columns = '{}'
           where name = $1`,
          [view, loadType, target],
        );
        await resumeView(client, view);
      });
    },
  };
}

/** Abandons a batch that is not staged yet. Nobody works on it, and one of a halted view keeps its copied slices until the view goes on. */
async function abandonExtracting(client: Queryable, view: string): Promise<void> {
  const { rows } = await client.query(
    `update etl.etl_transaction set state = 'abandoned', ended_at = now(), error = 'the load type of the view changed'
     where view_name = $1 and state = 'extracting' returning id`,
    [view],
  );
  for (const { id } of rows) await releaseKeys(client, id as bigint);
}

/** Why a view must not feed a target with this load type; null when it may. */
export async function targetConflict(
  client: Queryable,
  { view, loadType, target }: { view: string; loadType: LoadType; target: string },
): Promise<string | null> {
  const present = await client.query('select name from etl.view_source where target_name = $1', [target]);
  if (present.rows[0] !== undefined) return `${target} is the target of view ${present.rows[0].name}`;
  const former = await client.query(
    'select view_name, load_type from etl.former_target where target_name = $1',
    [target],
  );
  const row = former.rows[0];
  if (row === undefined || (row.view_name === view && row.load_type === loadType)) return null;
  return `${target} was fed by view ${row.view_name} with load type ${row.load_type}`;
}

function refused(view: string, why: string, advice: string): DataHubError {
  return new DataHubError('invalid_event', `view ${view}: ${why}`, { context: { view }, advice });
}

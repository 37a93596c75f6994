import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import { IN_FLIGHT } from '../model/batch-states.ts';
import type { LoadType } from '../model/columns.ts';
import { inTransaction, type Queryable, readOnly } from '../postgres/transaction.ts';
import { releaseKeys } from './queued-keys.ts';

// What operators do to a view, each in one control transaction. Callers make sure that the view source exists.

/** Stops the view for now: nothing is extracted or applied until it is resumed. A batch in flight waits. */
export async function pauseView(pool: pg.Pool, view: string): Promise<void> {
  await inTransaction(pool, 'control', 'begin', (client) =>
    client.query('update etl.view_source set paused = true where name = $1', [view]),
  );
}

/** Stops the view with a reason, as the functions themselves do. A batch in flight waits. */
export async function haltByHand(pool: pg.Pool, view: string, reason: string): Promise<void> {
  await inTransaction(pool, 'control', 'begin', (client) =>
    client.query('update etl.view_source set halted_at = now(), halted_reason = $2 where name = $1', [
      view,
      reason,
    ]),
  );
}

/**
 * Lets a halted or paused view run again. Its failed batches become `abandoned`: their log rows are captured again under
 * a new number, and their queued keys are free. Its warehouse objects are looked at again, and with them the highest number that
 * the target has met.
 */
export async function resumeView(pool: pg.Pool, view: string): Promise<void> {
  await inTransaction(pool, 'control', 'begin', (client) => resume(client, view));
}

/** The same, with the next batch carrying the whole view; `false` takes the wish back, and resumes nothing. */
export async function requestResync(pool: pg.Pool, view: string, isWanted: boolean): Promise<void> {
  await inTransaction(pool, 'control', 'begin', async (client) => {
    await client.query(
      `update etl.view_source set resync_requested_at = case when $2 then date_trunc('milliseconds', clock_timestamp()) end
       where name = $1`,
      [view, isWanted],
    );
    if (isWanted) await resume(client, view);
  });
}

/**
 * Feeds another target by another load type, from its first batch on (I11: what fed a target is never changed). Nothing of that target is
 * covered, so the checkpoint goes. Throws `invalid_event` while the view is worked on or a batch is in flight, and for a target that is
 * another view's, or was, or was fed by the other load type.
 */
export async function changeLoadType(
  pool: pg.Pool,
  view: string,
  loadType: LoadType,
  target: string,
): Promise<void> {
  await inTransaction(pool, 'control', 'begin', async (client) => {
    const { rows: former } = await client.query(
      'select load_type, target_name from etl.view_source where name = $1 for update',
      [view],
    );
    const held = await client.query('select from etl.lease where name = $1 and expires_at > now()', [view]);
    if (held.rowCount !== 0) throw refused(view, 'a function works on it', 'Ask again in a minute.');
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
        'Give the new target another name; the old one stays, with its reporting view, until you drop it.',
      );
    }
    await client.query(
      `insert into etl.former_target (target_name, view_name, load_type) values ($1, $2, $3)
       on conflict (target_name) do nothing`,
      [former[0]?.target_name, view, former[0]?.load_type],
    );
    await client.query('delete from etl.checkpoint where view_name = $1', [view]);
    await client.query(
      'update etl.view_source set load_type = $2, target_name = $3, resync_requested_at = null where name = $1',
      [view, loadType, target],
    );
    await resume(client, view);
  });
}

const FUNCTIONS_WITH_EVENTS = ['extract', 'merge', 'stream'];

/** An event that was set aside, to be sent again. */
export type Redriven = { id: bigint; functionName: string; event: object };

/** The events of these failures. Throws `invalid_event` naming those that are not there or have no event that could be sent. */
export async function eventsToRedrive(pool: pg.Pool, ids: bigint[]): Promise<Redriven[]> {
  const { rows } = await readOnly(
    pool,
    'control',
    `select id, function_name, event from etl.etl_error
     where id = any($1::bigint[]) and function_name = any($2) order by id`,
    [ids, FUNCTIONS_WITH_EVENTS],
  );
  const redriven = rows.flatMap((row): Redriven[] => {
    const event = asObject(row.event as string | null);
    return event === null ? [] : [{ id: row.id, functionName: row.function_name, event }];
  });
  const missing = ids.filter((id) => !redriven.some((each) => each.id === id));
  if (missing.length === 0) return redriven;
  throw new DataHubError('invalid_event', `no event to send again: failure ${missing.join(', ')}`, {
    advice: 'Ask for {"status":true}: it lists the failures that are not resolved, and their events.',
  });
}

/** The failures are dealt with. Safe to repeat. */
export async function resolveFailures(pool: pg.Pool, ids: bigint[]): Promise<void> {
  await inTransaction(pool, 'control', 'begin', (client) =>
    client.query('update etl.etl_error set resolved_at = coalesce(resolved_at, now()) where id = any($1)', [
      ids,
    ]),
  );
}

/** Why a view cannot feed a target by this load type; null when it can. */
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

async function resume(client: pg.PoolClient, view: string): Promise<void> {
  await client.query(
    `update etl.view_source set halted_at = null, halted_reason = null, paused = false, warehouse_fingerprint = null
     where name = $1`,
    [view],
  );
  await client.query(
    // Not of events that were set aside: nothing carries them out but a redrive.
    `update etl.etl_error set resolved_at = now()
     where view_name = $1 and resolved_at is null and kind <> 'invalid_event'`,
    [view],
  );
  const { rows } = await client.query(
    `update etl.etl_transaction set state = 'abandoned', ended_at = now() where view_name = $1 and state = 'failed' returning id`,
    [view],
  );
  for (const row of rows) await releaseKeys(client, row.id as bigint);
}

function refused(view: string, why: string, advice: string): DataHubError {
  return new DataHubError('invalid_event', `view ${view}: ${why}`, { context: { view }, advice });
}

function asObject(event: string | null): object | null {
  try {
    const parsed: unknown = JSON.parse(event ?? 'null');
    return typeof parsed === 'object' ? parsed : null;
  } catch {
    return null;
  }
}

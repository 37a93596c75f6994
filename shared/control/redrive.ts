import type pg from 'pg';
import { DataHubError, type ErrorKind } from '../errors.ts';
import { inStatement, inTransaction } from '../postgres/transaction.ts';

/** The functions to which events can be sent again. */
export const FUNCTIONS_WITH_EVENTS = ['extract', 'merge', 'stream', 'reconcile'];

/** A dead-lettered event that is to be sent again. */
export type Redriven = { id: bigint; functionName: string; event: object };

/** How operators deal with recorded failures. */
export function createRedrive(pool: pg.Pool) {
  return {
    /** The events of these failures. Throws `invalid_event` naming each failure that does not exist or has no event to send. */
    async eventsToRedrive(ids: bigint[]): Promise<Redriven[]> {
      const { rows } = await inStatement(
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
      throw new DataHubError('invalid_event', `no event to send again for failure ${missing.join(', ')}`, {
        advice: 'Call {"status":true}: it lists the unresolved failures and their events.',
      });
    },

    /** The views of these failures, or of the unresolved ones of a kind, in order. A failure without a view has none. */
    async viewsOf(failures: { ids: bigint[] } | { kind: ErrorKind | undefined }): Promise<string[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        `select distinct view_name as view from etl.etl_error
         where view_name is not null
           and case when $1::int8[] is null then resolved_at is null and (kind = $2 or $2 is null) else id = any($1) end
         order by view_name`,
        'ids' in failures ? [failures.ids, null] : [null, failures.kind ?? null],
      );
      return rows.map(({ view }) => view);
    },

    /** Marks the failures as resolved. Safe to repeat. Throws `invalid_event` naming each failure that does not exist, and resolves none. */
    async resolve(ids: bigint[]): Promise<void> {
      await inTransaction(pool, 'control', 'begin', async (client) => {
        const { rows } = await client.query<{ id: bigint }>(
          'update etl.etl_error set resolved_at = coalesce(resolved_at, now()) where id = any($1) returning id',
          [ids],
        );
        const missing = ids.filter((id) => !rows.some((row) => row.id === id));
        if (missing.length === 0) return;
        throw new DataHubError('invalid_event', `no failure has the id ${missing.join(', ')}`, {
          advice: 'Nothing was resolved. Call {"status":true}: it lists the unresolved failures.',
        });
      });
    },

    /** Marks all unresolved failures of a kind, of a view, or of both as resolved, and returns their ids. Safe to repeat. */
    async resolveAll({ kind, view }: { kind?: ErrorKind; view?: string }): Promise<bigint[]> {
      const { rows } = await inStatement(
        pool,
        'control',
        `with resolved as (
             update etl.etl_error set resolved_at = now()
             where resolved_at is null and (kind = $1 or $1 is null) and (view_name = $2 or $2 is null)
             returning id)
           select id from resolved order by id`,
        [kind ?? null, view ?? null],
      );
      return rows.map(({ id }) => id);
    },
  };
}

function asObject(event: string | null): object | null {
  try {
    const parsed: unknown = JSON.parse(event ?? 'null');
    return typeof parsed === 'object' ? parsed : null;
  } catch {
    return null;
  }
}

import { setTimeout as elapse } from 'node:timers/promises';
import type pg from 'pg';

const POLL_INTERVAL_MS = 20;
/** The key of the advisory lock that serves as the gate. */
const GATE = 4711;

const gatedView = (statement: string, wait = `pg_advisory_xact_lock_shared(${GATE})`) => `
  create function at_gate(id bigint) returns boolean language plpgsql as $$
  begin
    if id = 1000 and current_query() ${statement} then perform ${wait}; end if;
    return true;
  end $$;
  create or replace view pmr_project as
    select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
    from app_project p left join app_company c on c.id = p.company_id
    where not p.is_dummy and at_gate(p.id);`;

/** Makes the COPY of project 1000 wait at the gate. */
export const GATED_COPY = gatedView("like 'copy %'");

/** Makes every statement before the COPY wait at the gate when it reads project 1000. */
export const GATED_CAPTURE = gatedView("not like 'copy %'");

/** Makes the search for keys that are there twice take longer than a test may: it would not wait so long at the gate, because of lock_timeout. */
export const SLOW_KEY_SEARCH = gatedView("like '%having count%'", 'pg_sleep(400)');

/** Makes the update that marks a batch as applied wait at the gate. */
export const GATED_CHANGE = `
  create function at_gate() returns trigger language plpgsql as $$
  begin
    if old.state = 'applying' and new.state = 'applied' then perform pg_advisory_xact_lock_shared(${GATE}); end if;
    return new;
  end $$;
  create trigger gated before update on etl.etl_transaction for each row execute function at_gate();`;

export type Gate = {
  /** Waits until a server process waits at the gate, and returns its pid. */
  reached: () => Promise<number>;
  /** Opens the gate for all. Safe to repeat. */
  open: () => Promise<void>;
};

/** Closes the gate of this database until it is opened, or the server crashes. */
export async function closeGate(database: pg.Pool): Promise<Gate> {
  const holder = await database.connect();
  let isReleased = false;
  const release = (error?: Error) => {
    if (!isReleased) holder.release(error);
    isReleased = true;
  };
  holder.once('error', release);
  await holder.query(`select pg_advisory_lock(${GATE})`);
  return {
    reached: async () => {
      for (;;) {
        const { rows } = await database.query(
          `select pid from pg_locks where locktype = 'advisory' and objid = ${GATE} and not granted`,
        );
        if (rows.length > 0) return rows[0].pid as number;
        await elapse(POLL_INTERVAL_MS);
      }
    },
    open: async () => {
      if (isReleased) return;
      await holder.query(`select pg_advisory_unlock(${GATE})`);
      holder.off('error', release);
      release();
    },
  };
}

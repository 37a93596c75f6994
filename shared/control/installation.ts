import type pg from 'pg';
import { inStatement, inTransaction } from '../postgres/transaction.ts';

/** The id, and the server and database in which it was settled and is now. */
type Whereabouts = { id: string; home: string | null; now: string };

const WHERE = `select i.id::text, i.home, c.system_identifier || '/' || d.oid as now
  from etl.installation i, pg_control_system() c, pg_database d where d.datname = current_database()`;

const isAtHome = ({ home, now }: Whereabouts): boolean => home === now;

/** The identity of this control database (etl.installation). */
export function createInstallation(pool: pg.Pool) {
  return {
    /** The id that its targets carry. A restored backup has the id of its original. */
    async id(): Promise<string> {
      const { rows } = await inStatement(pool, 'control', 'select id::text from etl.installation', []);
      return rows[0]?.id as string;
    },

    /**
     * Gives a copy that runs in another server or database than its original an id of its own, since both may be running; its views then halt. Returns the former
     * id, or null when nothing has changed or the role may not read where it runs. Safe to repeat and to run twice at once.
     */
    async settle(): Promise<string | null> {
      const { rows: rights } = await inStatement(
        pool,
        'control',
        `select has_function_privilege('pg_control_system()', 'execute') as "mayRead"`,
      );
      if (rights[0].mayRead !== true) return null;
      const { rows: found } = await inStatement(pool, 'control', WHERE);
      if (isAtHome(found[0] as Whereabouts)) return null;
      return await inTransaction(pool, 'control', 'begin', async (client) => {
        const { rows } = await client.query(`${WHERE} for update of i`);
        const { id, home, now } = rows[0] as Whereabouts;
        if (isAtHome({ id, home, now })) return null;
        const isCopy = home !== null;
        await client.query(
          'update etl.installation set home = $1, id = case when $2 then gen_random_uuid() else id end',
          [now, isCopy],
        );
        return isCopy ? id : null;
      });
    },
  };
}

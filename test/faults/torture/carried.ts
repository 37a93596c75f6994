import type { Installation } from '../../support/installation.ts';
import { EVERY_LOG_ROW } from './application.ts';

/** Writes down every checkpoint that is ever installed; run once in the control database, before the first. */
export const CHECKPOINT_STEPS = `
  create table checkpoint_step (
    n bigint generated always as identity primary key,
    view_name text not null,
    -- Null where a capture found nothing to do.
    etl_transaction_id bigint,
    covered int8multirange not null
  );
  create function write_step() returns trigger language plpgsql as $$
    begin
      insert into checkpoint_step (view_name, etl_transaction_id, covered) values (
        new.view_name,
        case when tg_op = 'INSERT' or new.etl_transaction_id is distinct from old.etl_transaction_id then new.etl_transaction_id end,
        int8multirange(int8range(null, new.floor_id, '[]')) + new.seen);
      return new;
    end $$;
  create trigger write_step after insert or update of floor_id, seen on etl.checkpoint for each row execute function write_step();`;

/** One move of a view's checkpoint. */
export type CheckpointStep = {
  /** Committed log rows that the checkpoint covers from then on. */
  due: bigint;
  /** Log rows that the batch says it carried; null for a capture that found nothing to do. */
  carried: bigint | null;
};

/**
 * How many log rows were covered and carried by nothing, and how many were carried again, step by step: one of each do not
 * make up for each other. `idly`: what the captures that found nothing to do read, all of them together.
 */
export function tallyCarried(
  steps: readonly CheckpointStep[],
  idly: bigint,
): { lost: bigint; twice: bigint } {
  const isIdle = ({ carried }: CheckpointStep) => carried === null;
  const dueIdly = steps.filter(isIdle).reduce((sum, { due }) => sum + due, 0n);
  const batches = steps.flatMap(({ due, carried }) => (carried === null ? [] : [carried - due]));
  const surpluses = [...batches, idly - dueIdly];
  return {
    lost: surpluses.reduce((sum, surplus) => (surplus < 0n ? sum - surplus : sum), 0n),
    twice: surpluses.reduce((sum, surplus) => (surplus > 0n ? sum + surplus : sum), 0n),
  };
}

/** The moves of a view's checkpoint after its initial load. `types`: the content types whose log rows it captures. */
export async function readSteps(
  on: Installation,
  view: string,
  types: readonly number[],
): Promise<CheckpointStep[]> {
  const { rows: steps } = await on.control.query(
    `select n, newly::text, log_rows as carried from (
       select s.n, s.covered - lag(s.covered) over (order by s.n) as newly, t.log_rows
       from checkpoint_step s left join etl.etl_transaction t on t.id = s.etl_transaction_id
       where s.view_name = $1
     ) step where newly is not null order by n`,
    [view],
  );
  const { rows: found } = await on.source.database.query(
    `select s.n, count(*) as due
     from unnest($1::int8[], $2::int8multirange[]) s (n, newly)
     cross join lateral unnest(s.newly) as r
     join ${EVERY_LOG_ROW} l on l.id >= lower(r) and l.id < upper(r)
     where l.content_type_id = any($3) group by s.n`,
    [steps.map(({ n }) => n), steps.map(({ newly }) => newly), types],
  );
  const due = new Map(found.map((row) => [String(row.n), BigInt(row.due)]));
  return steps.map(({ n, carried }) => ({
    due: due.get(String(n)) ?? 0n,
    carried: carried === null ? null : BigInt(carried),
  }));
}

import type { Installation } from '../../support/installation.ts';
import { EVERY_LOG_ROW } from './application.ts';

/** Makes the control database record every checkpoint that is stored. Run once, before the first. */
export const CHECKPOINT_STEPS = `
  create table checkpoint_step (
    n bigint generated always as identity primary key,
    view_name text not null,
    -- Null for a capture without work.
    etl_transaction_id bigint,
    covered int8multirange not null
  );
  create function record_step() returns trigger language plpgsql as $$
    begin
      insert into checkpoint_step (view_name, etl_transaction_id, covered) values (
        new.view_name,
        case when tg_op = 'INSERT' or new.etl_transaction_id is distinct from old.etl_transaction_id then new.etl_transaction_id end,
        int8multirange(int8range(null, new.floor_id, '[]')) + new.seen);
      return new;
    end $$;
  create trigger record_step after insert or update of floor_id, seen on etl.checkpoint for each row execute function record_step();`;

/** One movement of a view's checkpoint. */
export type CheckpointStep = {
  /** The number of committed log rows that this step covers. */
  due: bigint;
  /** The number of log rows that the batch says it captured; null for a capture without work. */
  captured: bigint | null;
};

/**
 * Counts the log rows that were covered but not captured, and those that were captured more than once. The count goes step by step,
 * so that a loss and a repetition do not cancel each other out. `idleLogRows` is the total of all captures without work.
 */
export function countLostAndRepeated(
  steps: readonly CheckpointStep[],
  idleLogRows: bigint,
): { lost: bigint; repeated: bigint } {
  const isIdle = ({ captured }: CheckpointStep) => captured === null;
  const idleDue = steps.filter(isIdle).reduce((sum, { due }) => sum + due, 0n);
  const batches = steps.flatMap(({ due, captured }) => (captured === null ? [] : [captured - due]));
  const surpluses = [...batches, idleLogRows - idleDue];
  return {
    lost: surpluses.reduce((sum, surplus) => (surplus < 0n ? sum - surplus : sum), 0n),
    repeated: surpluses.reduce((sum, surplus) => (surplus > 0n ? sum + surplus : sum), 0n),
  };
}

/** Returns the movements of a view's checkpoint after its initial load. `types` are the content types that the view captures. */
export async function readSteps(
  on: Installation,
  view: string,
  types: readonly number[],
): Promise<CheckpointStep[]> {
  const { rows: steps } = await on.control.query(
    `select added::text, log_rows as captured from (
       select s.n, s.covered - lag(s.covered) over (order by s.n) as added, t.log_rows
       from checkpoint_step s left join etl.etl_transaction t on t.id = s.etl_transaction_id
       where s.view_name = $1
     ) step where added is not null order by n`,
    [view],
  );
  const { rows: logged } = await on.source.database.query(
    `select id from ${EVERY_LOG_ROW} where content_type_id = any($1) order by id`,
    [types],
  );
  const countBelow = countsBelow(logged.map(({ id }) => BigInt(id)));
  return steps.map(({ added, captured }) => ({
    due: rangesOf(added).reduce((sum, [from, to]) => sum + countBelow(to) - countBelow(from), 0n),
    captured: captured === null ? null : BigInt(captured),
  }));
}

/** The lower and the upper ends of the ranges of an int8multirange, which has no end that is open. */
const rangesOf = (multirange: string): [bigint, bigint][] =>
  [...multirange.matchAll(/\[(-?\d+),(-?\d+)\)/g)].map(([, from = '', to = '']) => [
    BigInt(from),
    BigInt(to),
  ]);

/** How many of the ids, which ascend, are below a number. A database would look at each id for each step. */
function countsBelow(ids: readonly bigint[]): (end: bigint) => bigint {
  return (end) => {
    let [from, to] = [0, ids.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((ids[middle] as bigint) < end) from = middle + 1;
      else to = middle;
    }
    return BigInt(from);
  };
}

import { quoteIdentifier } from '../postgres/quote.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/**
 * The id below which nobody needs a row of the change log any more, and the statement that deletes these rows, for the owner of the log. Reads only. The floor
 * is never above the newest row that a capture has seen, so that this row, by which a restored source is recognised, stays.
 */
export async function logFloor(_: object, { config, control }: Dependencies) {
  const { changeLogTable } = config;
  const need = await control.logFloor.furthestNeed(changeLogTable);
  const isFree = need !== null && need.floorId !== null && need.floorId > 0n;
  const table = [need?.schema ?? null, changeLogTable]
    .filter((name) => name !== null)
    .map(quoteIdentifier)
    .join('.');
  return {
    outcome: 'log floor',
    changeLogTable,
    /** Null while nothing may be deleted. */
    floorId: isFree ? String(need.floorId) : null,
    heldBack: need === null ? null : { view: need.view, by: need.why },
    prune: isFree ? `delete from ${table} where id < ${need.floorId};` : null,
  };
}

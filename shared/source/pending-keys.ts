import type pg from 'pg';
import type { Checkpoint } from '../model/checkpoint.ts';
import { type Collapsed, collapseStatement, KEY_SETTING } from './collapse.ts';
import type { SourceView } from './describe-view.ts';

/** What of the log the target need not show yet. */
export type PendingKeys = {
  /** How many keys. */
  count: number;
  /** Whether the log has more rows than were read, or one that asks for a resync, so that any key may be pending. */
  isCut: boolean;
};

/**
 * Finds the keys that log rows name which are visible in the snapshot of `client` and not covered by the checkpoint, and the queued ones. They
 * stay on the server until the transaction ends; see `pendingAmong`.
 */
export async function findPendingKeys(
  client: pg.ClientBase,
  view: SourceView,
  checkpoint: Checkpoint,
  { logTable, maxLogRows, queuedKeys }: { logTable: string; maxLogRows: number; queuedKeys: string[] },
): Promise<PendingKeys> {
  const { text, values } = collapseStatement(view, logTable, {
    floorId: checkpoint.floorId,
    seen: checkpoint.seen,
    maturedFloorId: checkpoint.floorId,
    maxLogRows,
    maxReadRows: MAX_READ_ROWS,
    maxNullRows: maxLogRows,
    queuedKeys,
  });
  const { rows } = await client.query(text, values);
  const { upserts, deletes, cutId, resyncId } = rows[0] as Collapsed;
  return { count: Number(upserts + deletes), isCut: cutId !== null || resyncId !== null };
}

/** Those of the keys that `findPendingKeys` found in the same transaction. */
export async function pendingAmong(
  client: pg.ClientBase,
  view: SourceView,
  keys: readonly string[],
): Promise<Set<string>> {
  const sets = [KEY_SETTING.added, KEY_SETTING.changed, KEY_SETTING.deleted].map(
    (setting) => `select unnest(current_setting('${setting}')::${view.keyType.sqlType}[])`,
  );
  const { rows } = await client.query(
    `select text from unnest($1::text[]) k (text) where (${view.keyType.fromText('text')}) in (${sets.join(' union all ')})`,
    [keys],
  );
  return new Set(rows.map((row) => row.text as string));
}

/** Reading so many log rows of other tables takes a few seconds. */
const MAX_READ_ROWS = 5_000_000;

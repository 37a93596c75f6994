import type { CarryingBatch } from '../../control/row-batches.ts';
import type { LogRow } from '../../source/log-rows.ts';
import type { RowLookup } from './look-up-row.ts';

/**
 * A log row that names a row, the table whose row it logs, and what became of it: `ignored` if it touches no tracked column, `covered` by its
 * batch, which is null if it is not kept any more, or `waiting` for a batch.
 */
export type RowLogEntry = {
  row: LogRow;
  table: string;
  state: 'ignored' | 'covered' | 'waiting';
  batch: CarryingBatch | null;
};

/** The log rows that named the row, the newest first; none if the source was not read. */
export function rowLog({ source, covering, covered }: RowLookup): RowLogEntry[] {
  if (source.value === undefined) return [];
  const { logRows, mentions, view } = source.value;
  const ignored = new Set(mentions.flatMap((mention) => mention.ignored));
  const tables = new Map(
    mentions.flatMap((mention) => {
      const foreignKey = view.logged[mention.place]?.reference?.foreignKey;
      const name = foreignKey === undefined ? 'main table' : `lookup by ${foreignKey}`;
      return [...mention.named, ...mention.ignored].map((id) => [id, name] as const);
    }),
  );
  return logRows.map((row) => {
    const batch = covering.get(row.id) ?? null;
    const isCovered = batch !== null || covered.has(row.id);
    return {
      row,
      table: tables.get(row.id) ?? '',
      state: ignored.has(row.id) ? 'ignored' : isCovered ? 'covered' : 'waiting',
      batch,
    };
  });
}

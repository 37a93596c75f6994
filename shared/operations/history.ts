import type { ListedTransaction } from '../control/transaction-list.ts';
import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/** A batch of the history. Times are ISO 8601, 64-bit numbers are texts; what is not known yet is null. */
export type HistoryEntry = {
  etlTransactionId: string;
  startedAt: string;
  stagedAt: string | null;
  appliedAt: string | null;
  endedAt: string | null;
} & Texts<
  Omit<
    ListedTransaction,
    'id' | 'startedAtMicros' | 'stagedPrefix' | 'startedAt' | 'stagedAt' | 'appliedAt' | 'endedAt'
  >
>;

type Texts<T> = {
  [Name in keyof T]: T[Name] extends bigint
    ? string
    : T[Name] extends bigint | null
      ? string | null
      : T[Name];
};

/** The batches of all views, or of one, the newest first, and the place where older ones go on, if there are any. Reads only. */
export async function history(
  { view, limit, before, state, kind }: OperationOf<'history'>,
  { control }: Pick<Dependencies, 'control'>,
) {
  if (view !== undefined) await control.viewSources.get(view);
  const start = before === undefined ? null : { older: before };
  const { rows, hasOlder } = await control.transactionList.page({ view, state, kind }, start, limit);
  const last = rows.at(-1);
  return {
    outcome: 'history',
    batches: rows.map(asEntry),
    older: hasOlder && last !== undefined ? `${last.startedAtMicros}-${last.id}` : null,
  };
}

function asEntry({
  id,
  startedAtMicros: _at,
  stagedPrefix: _prefix,
  ...rest
}: ListedTransaction): HistoryEntry {
  return JSON.parse(
    JSON.stringify({ etlTransactionId: id, ...rest }, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    ),
  );
}

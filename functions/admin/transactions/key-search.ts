import type { ListedTransaction } from '../../../shared/control/transaction-list.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import { findStagedKey, type StagedKey } from '../../../shared/staging/find-staged-key.ts';

/** Batches that are looked through at once. */
const AT_ONCE = 8;
const LIMIT_SECONDS = 10;
const MAX_BYTES = 100_000_000n;
/** A larger batch, such as a first load, is not looked through. */
const MAX_BATCH_BYTES = 50_000_000n;

/** What a batch staged for the key, if it was looked through. */
export type Finding = StagedKey | 'too large';

/** What looking through the staged objects of a page of transactions has found. */
export type KeySearch = {
  /** The transactions that were looked at, a beginning of the page, with what each staged for the key. */
  looked: { transaction: ListedTransaction; finding: Finding }[];
  /** Whether all of the page were: not if they are large or Cloud Storage is slow. */
  isWhole: boolean;
};

/** Looks for a key in the staged objects of these transactions, in their order, until time or bytes run out; always in the first of them. */
export async function searchKey(
  transactions: readonly ListedTransaction[],
  key: { view: string; key: string },
  { control, staging, clock }: Pick<Dependencies, 'control' | 'staging' | 'clock'>,
): Promise<KeySearch> {
  const { keyColumn } = await control.viewSources.get(key.view);
  const stop = new AbortController();
  const endMs = clock.nowMs() + LIMIT_SECONDS * 1000;
  const looked: KeySearch['looked'] = [];
  let bytes = 0n;
  try {
    while (looked.length < transactions.length) {
      if (looked.length > 0 && (clock.nowMs() > endMs || bytes > MAX_BYTES)) break;
      const group = transactions.slice(looked.length, looked.length + AT_ONCE);
      const found = await Promise.all(
        group.map(async (transaction): Promise<KeySearch['looked'][number]> => {
          const { stagedPrefix, stagedBytes } = transaction;
          if ((stagedBytes ?? 0n) > MAX_BATCH_BYTES) return { transaction, finding: 'too large' };
          const find = { column: keyColumn, key: key.key };
          return { transaction, finding: await findStagedKey(staging, stagedPrefix, find, stop.signal) };
        }),
      );
      looked.push(...found);
      bytes += group.reduce((sum, { stagedBytes }) => sum + (stagedBytes ?? 0n), 0n);
    }
  } finally {
    stop.abort();
  }
  return { looked, isWhole: looked.length === transactions.length };
}

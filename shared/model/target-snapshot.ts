/** What a target was like after a batch. */
export type TargetSnapshot = {
  /** When BigQuery created the table, in milliseconds; null after an operator resumed the view, who may have restored the table. */
  createdAt: string | null;
  /** All rows of a merged target, with those that are marked as deleted; null for a streamed one, of which BigQuery does not count recent rows. */
  rows: string | null;
};

/** What somebody else did to a target since the snapshot, as one sentence; null if nothing is seen. */
export function changedBySomebody(before: TargetSnapshot | null, now: TargetSnapshot): string | null {
  if (before === null) return null;
  if (before.rows !== null && before.rows !== now.rows) {
    return `the target has ${now.rows} rows, but the last batch left ${before.rows}: somebody else changed it`;
  }
  if (before.createdAt !== null && before.createdAt !== now.createdAt) {
    return 'the target is another table than the last batch left: somebody else created it again';
  }
  return null;
}

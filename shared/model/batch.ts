/** What applying a batch did to the target's rows; an un-deleted row counts as added. */
export type Counts = { added: bigint; changed: bigint; deleted: bigint };

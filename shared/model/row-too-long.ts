/** A row is longer than its format can have, which shows before it is written to its end. */
export class RowTooLong extends Error {}

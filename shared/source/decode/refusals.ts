/** So many values are named. */
const NAMED_VALUES = 5;
/** So few values say nothing about their column. */
const FEW_VALUES = 3;

/** A value that stops the batch, or a row. `index` is that of its column, null for a row, and `reason` completes the sentence "the value …" or "the row …". */
export type Refusal = { index: number | null; key: string | null; reason: string };

/** The values and rows of a COPY that stop its batch. */
export class Refusals {
  readonly named: Refusal[] = [];
  readonly #counts: number[];
  readonly #hasFit: boolean[];

  constructor(columns: number) {
    this.#counts = new Array(columns).fill(0);
    this.#hasFit = new Array(columns).fill(false);
  }

  get isEmpty(): boolean {
    return this.named.length === 0;
  }

  add(index: number, key: string | null, reason: string): void {
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    if (this.named.length < NAMED_VALUES) this.named.push({ index, key, reason });
  }

  addRow(key: string | null, reason: string): void {
    if (this.named.length < NAMED_VALUES) this.named.push({ index: null, key, reason });
  }

  noteFit(index: number): void {
    this.#hasFit[index] = true;
  }

  /** Whether all values of a column are refused, and not only a few. */
  isWholeColumn(index: number): boolean {
    return !this.#hasFit[index] && (this.#counts[index] ?? 0) >= FEW_VALUES;
  }
}

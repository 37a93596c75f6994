/** The rows of one bucket of keys on one side. `hash` is the XOR of the hashes of its rows, so that their order does not matter. */
export type BucketSum = { bucket: number; rows: number; hash: bigint };

/** So that a bucket that differs is a small part of the view. */
const ROWS_PER_BUCKET = 100;
/** So that the sums of all buckets are small. */
const MAX_BUCKETS = 16_383;

/** An odd number, since keys that all are multiples of a power of two would fall into few of an even number of buckets. */
export function bucketCount(rows: number): number {
  return Math.min(MAX_BUCKETS, Math.ceil(rows / ROWS_PER_BUCKET) | 1);
}

/** The sums of all buckets of one side, to which parts of it are added. */
export class BucketSums {
  readonly #sums = new Map<number, BucketSum>();

  constructor(sums: Iterable<BucketSum> = []) {
    this.add(sums);
  }

  add(sums: Iterable<BucketSum>): void {
    for (const { bucket, rows, hash } of sums) {
      const before = this.#sums.get(bucket);
      this.#sums.set(bucket, { bucket, rows: (before?.rows ?? 0) + rows, hash: (before?.hash ?? 0n) ^ hash });
    }
  }

  get rows(): number {
    return [...this].reduce((sum, { rows }) => sum + rows, 0);
  }

  rowsOf(bucket: number): number {
    return this.#sums.get(bucket)?.rows ?? 0;
  }

  /** The buckets whose rows are not the same on both sides, in ascending order. */
  differingFrom(other: BucketSums): number[] {
    const all = new Set([...this.#sums.keys(), ...other.#sums.keys()]);
    return [...all]
      .filter((bucket) => {
        const [here, there] = [this.#sums.get(bucket), other.#sums.get(bucket)];
        return here?.rows !== there?.rows || here?.hash !== there?.hash;
      })
      .sort((a, b) => a - b);
  }

  [Symbol.iterator](): IterableIterator<BucketSum> {
    return this.#sums.values();
  }

  toJSON(): [bucket: number, rows: number, hash: string][] {
    return [...this].map(({ bucket, rows, hash }) => [bucket, rows, String(hash)]);
  }

  static fromJson(json: unknown): BucketSums {
    const sums = json as [number, number, string][];
    return new BucketSums(sums.map(([bucket, rows, hash]) => ({ bucket, rows, hash: BigInt(hash) })));
  }
}

import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';

/** Log ids are looked at in words of 64 neighbours, with a bit for each of them that is visible. */
const WORD_IDS = 64n;
const HALF_BITS = 32;
/** The first word, how many words in a row, and the bits of the ids in each of them, as a signed 64-bit integer. */
const WORDS = /(-?\d+) (\d+) (-?\d+)/g;
const ALL_VISIBLE = '-1';
/** So many ranges become one flat text. */
const PIECE_RANGES = 1000;

/**
 * Returns the ids of all visible log rows, as the text of an int8multirange. Reads the whole log, once: finding the ranges by their order, or from one row for each id, takes
 * PostgreSQL three times as long where ids are missing everywhere. Takes about as much memory as the text, besides the words that PostgreSQL sends.
 */
export async function readVisibleIds(client: Queryable, logTable: string): Promise<string> {
  const { rows } = await client.query(
    `with word as materialized (
       select id >> 6 as word, bit_or(1::int8 << (id & 63)::int4) as ids from ${quoteIdentifier(logTable)} group by 1
     ), words as (
       select word as first, 1 as count, ids from word where ids <> ${ALL_VISIBLE}
       union all
       select min(word), count(*), ${ALL_VISIBLE} from (
         select word, word - row_number() over (order by word) as island from word where ids = ${ALL_VISIBLE}
       ) whole_words group by island
     )
     select coalesce(string_agg(format('%s %s %s', first, count, ids), ',' order by first), '') as words from words`,
  );
  const ranges = new MultirangeText();
  for (const [, first = '', count = '', ids = ''] of (rows[0].words as string).matchAll(WORDS)) {
    const start = BigInt(first) * WORD_IDS;
    if (ids === ALL_VISIBLE) ranges.add(start, start + BigInt(count) * WORD_IDS);
    else addWord(ranges, start, BigInt.asUintN(Number(WORD_IDS), BigInt(ids)));
  }
  return ranges.end();
}

function addWord(ranges: MultirangeText, start: bigint, bits: bigint): void {
  addRuns(ranges, start, Number(BigInt.asUintN(HALF_BITS, bits)));
  addRuns(ranges, start + BigInt(HALF_BITS), Number(bits >> BigInt(HALF_BITS)));
}

/** Adds the runs of set bits in a number of 32 bits, the lowest of which stands for `start`. */
function addRuns(ranges: MultirangeText, start: bigint, bits: number): void {
  for (let bit = 0; bit < HALF_BITS; bit += 1) {
    if (((bits >>> bit) & 1) === 0) continue;
    const from = bit;
    while (bit < HALF_BITS && ((bits >>> bit) & 1) === 1) bit += 1;
    ranges.add(start + BigInt(from), start + BigInt(bit));
  }
}

/** The text of a multirange, whose ranges are added in their order. Those that touch become one. */
class MultirangeText {
  /** Flat texts of many ranges. */
  readonly #pieces: string[] = [];
  /** The ranges since the last piece. Each is several strings of V8, which take eight times as much memory as their text. */
  #ranges: string[] = [];
  #from: bigint | null = null;
  #to = 0n;

  add(from: bigint, to: bigint): void {
    if (this.#from !== null && this.#to !== from) this.#write();
    this.#from ??= from;
    this.#to = to;
  }

  end(): string {
    this.#write();
    this.#flatten();
    return `{${this.#pieces.join(',')}}`;
  }

  #write(): void {
    if (this.#from !== null) this.#ranges.push(`[${this.#from},${this.#to})`);
    this.#from = null;
    if (this.#ranges.length === PIECE_RANGES) this.#flatten();
  }

  #flatten(): void {
    if (this.#ranges.length > 0) this.#pieces.push(this.#ranges.join(','));
    this.#ranges = [];
  }
}

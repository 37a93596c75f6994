import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';

/** Log ids are looked at in words of 64 neighbours, with a bit for each of them that is visible. */
const WORD_IDS = 64n;
const HALF_BITS = 32;

/** Some words in a row: all their ids are visible, or there is one word, and `ids` has its bits. Both numbers are 64-bit integers as text. */
type Words = { first: string; words: string; ids: string | null };

/**
 * Returns the ids of all visible log rows, as the text of an int8multirange. Reads the whole log, once: finding the ranges by their order, or from one row for each id, takes
 * PostgreSQL three times as long where ids are missing everywhere.
 */
export async function readVisibleIds(client: Queryable, logTable: string): Promise<string> {
  const { rows } = await client.query(
    `with word as materialized (
       select id >> 6 as word, bit_or(1::int8 << (id & 63)::int4) as ids from ${quoteIdentifier(logTable)} group by 1
     )
     select word::int8 as first, 1::int8 as words, ids from word where ids <> -1
     union all
     select min(word)::int8, count(*)::int8, null from (
       select word, word - row_number() over (order by word) as island from word where ids = -1
     ) full_words group by island
     order by first`,
  );
  const ranges: [from: bigint, to: bigint][] = [];
  for (const [from, to] of (rows as Words[]).flatMap(rangesOf)) {
    const last = ranges.at(-1);
    if (last?.[1] === from) last[1] = to;
    else ranges.push([from, to]);
  }
  return `{${ranges.map(([from, to]) => `[${from},${to})`).join(',')}}`;
}

function rangesOf({ first, words, ids }: Words): [bigint, bigint][] {
  const start = BigInt(first) * WORD_IDS;
  if (ids === null) return [[start, start + BigInt(words) * WORD_IDS]];
  const bits = BigInt.asUintN(Number(WORD_IDS), BigInt(ids));
  const halves = [Number(BigInt.asUintN(HALF_BITS, bits)), Number(bits >> BigInt(HALF_BITS))];
  return halves.flatMap((half, i) => runsOf(half, start + BigInt(i * HALF_BITS)));
}

/** The runs of set bits in a number of 32 bits, as ranges from `start`. */
function runsOf(bits: number, start: bigint): [bigint, bigint][] {
  const runs: [bigint, bigint][] = [];
  for (let bit = 0; bit < HALF_BITS; bit += 1) {
    if (((bits >>> bit) & 1) === 0) continue;
    const from = bit;
    while (bit < HALF_BITS && ((bits >>> bit) & 1) === 1) bit += 1;
    runs.push([start + BigInt(from), start + BigInt(bit)]);
  }
  return runs;
}

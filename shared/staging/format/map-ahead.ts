/** So many items are worked on at once, each in a thread of its own, */
const AT_ONCE = 3;
/** unless they are larger together: a block with a long row does not wait, since there may be four copies at once. */
const AT_ONCE_BYTES = 4_000_000;

/**
 * Yields what `work` makes of each item, in their order, while later items arrive and are worked on. While the consumer has one, it holds the results of
 * two others. `sizeOf` is the size of an item in bytes.
 */
export async function* mapAhead<In, Out>(
  items: AsyncIterable<In>,
  work: (item: In) => Promise<Out>,
  sizeOf: (item: In) => number = () => 0,
): AsyncGenerator<Out> {
  const begun: { bytes: number; done: Promise<Out> }[] = [];
  const bytes = (): number => begun.reduce((sum, each) => sum + each.bytes, 0);
  for await (const item of items) {
    const done = work(item);
    // Whoever awaits it gets its failure; until then it is no unhandled one.
    done.catch(() => undefined);
    begun.push({ bytes: sizeOf(item), done });
    while (begun.length === AT_ONCE || bytes() > AT_ONCE_BYTES) yield (await begun.shift()?.done) as Out;
  }
  for (const { done } of begun) yield await done;
}

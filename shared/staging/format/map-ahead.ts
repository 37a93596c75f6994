/** So many items are worked on at once, each in a thread of its own. */
const AT_ONCE = 3;

/**
 * Yields what `work` makes of each item, in their order, while later items arrive and are worked on. While the consumer has one, it holds the results of
 * two others.
 */
export async function* mapAhead<In, Out>(
  items: AsyncIterable<In>,
  work: (item: In) => Promise<Out>,
): AsyncGenerator<Out> {
  const begun: Promise<Out>[] = [];
  for await (const item of items) {
    const done = work(item);
    // Whoever awaits it gets its failure; until then it is no unhandled one.
    done.catch(() => undefined);
    begun.push(done);
    if (begun.length === AT_ONCE) yield (await begun.shift()) as Out;
  }
  for (const done of begun) yield await done;
}

/** Items that wait for their turn, each done or being done in a thread of its own. */
const AHEAD = 2;

/** Yields what `work` makes of each item, in their order, while later items arrive and are worked on. */
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
    if (begun.length > AHEAD) yield (await begun.shift()) as Out;
  }
  for (const done of begun) yield await done;
}

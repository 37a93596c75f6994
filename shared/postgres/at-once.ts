import type { Queryable } from './transaction.ts';

/** SQLSTATE of a statement that is refused because an earlier one of its transaction has failed. */
const IN_FAILED_TRANSACTION = '25P02';

/**
 * Sends the statements that `issue` makes without waiting for the answers in between: PostgreSQL runs them in this order, and those that
 * need no result of another cost one round trip together. One that fails does not keep later ones from running, unless all are inside of one
 * transaction, which it aborts. Throws, when all have ended, the first failure that is not the consequence of another one. Not for COPY.
 */
export async function atOnce<const T extends readonly unknown[]>(
  client: Queryable,
  issue: () => { readonly [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const connection = client as { pipeline?: boolean };
  const before = connection.pipeline ?? false;
  connection.pipeline = true;
  try {
    const results = await Promise.allSettled(issue());
    const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
    if (failures.length > 0)
      throw failures.find((each) => each?.code !== IN_FAILED_TRANSACTION) ?? failures[0];
    return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T;
  } finally {
    connection.pipeline = before;
  }
}

/** Whether statements of `atOnce` are under way on a connection: the answer to one of them does not mean that none is left. */
export const isAtOnce = (client: Queryable): boolean => (client as { pipeline?: boolean }).pipeline === true;

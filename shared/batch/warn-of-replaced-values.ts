import type { Dependencies } from '../runtime/dependencies.ts';

/** So few values say nothing about their column. */
const FEW_VALUES = 10;

/**
 * Logs a warning when policies replaced most values of a column in a batch: then the column, and not some of its rows, does not fit its type in
 * BigQuery. Under the policy `string` nothing is lost. `policies` are those of the columns, `replaced` the numbers of values by column, without
 * NULL arrays, which arrive as empty ones whatever the policy.
 */
export function warnOfReplacedValues(
  batch: { view: string; etlTransactionId: string; upserts: number },
  {
    policies,
    replaced,
  }: { policies: Readonly<Record<string, unknown>>; replaced: Readonly<Record<string, number>> },
  { log }: Pick<Dependencies, 'log'>,
): void {
  const { upserts, ...named } = batch;
  const columns = Object.entries(replaced)
    .filter(([column, count]) => policies[column] === 'null' && count >= FEW_VALUES && count * 2 > upserts)
    .map(([column]) => column);
  if (columns.length > 0)
    log.warn({ ...named, columns, upserts, policyValues: replaced }, 'policy replaced most values');
}

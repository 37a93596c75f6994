import type { Dependencies } from '../runtime/dependencies.ts';

/**
 * Logs a warning when log rows were skipped for good, because their object id is no value of the key's type: either the application logs
 * something odd, or the view source names the wrong model or key.
 */
export function warnOfBadKeys(
  { badKeys, ...named }: { view: string; etlTransactionId?: string; badKeys: bigint },
  { log }: Pick<Dependencies, 'log'>,
): void {
  if (badKeys > 0n) log.warn({ ...named, badKeys: String(badKeys) }, 'bad keys skipped');
}

import type { Queryable } from '../postgres/transaction.ts';

// Any constant works if every release uses the same one. This is "sdhc" in ASCII.
const CONFIGURATION_LOCK = 0x73646863;

/**
 * Waits until no other transaction changes the configuration, and keeps others waiting until this one ends. Changes of several view sources
 * in any order then neither deadlock nor meet each other's targets half-way.
 */
export async function lockConfiguration(client: Queryable): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [CONFIGURATION_LOCK]);
}

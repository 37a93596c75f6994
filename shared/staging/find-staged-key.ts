import { DataHubError } from '../errors.ts';
import type { Staging } from './staging.ts';

/** What a batch staged for a key: its row, its delete, or nothing. `gone`: its objects have been deleted. */
export type StagedKey = 'upsert' | 'delete' | 'nothing' | 'gone';

export type KeyToFind = { column: string; key: string };

/**
 * Looks for a key in the staged objects of a batch, which it reads until it finds the key. The key is compared as the rows have it: the digits of
 * a number, or the characters of a text.
 */
export async function findStagedKey(
  staging: Pick<Staging, 'readManifest' | 'readKeys'>,
  prefix: string,
  find: KeyToFind,
  signal: AbortSignal,
): Promise<StagedKey> {
  try {
    const manifest = await staging.readManifest(prefix);
    if (manifest === null) return 'gone';
    for (const object of manifest.objects) {
      if (await hasKey(staging.readKeys(manifest, object, find.column, signal), find.key)) {
        return object.name.startsWith(`${prefix}deletes-`) ? 'delete' : 'upsert';
      }
    }
    return 'nothing';
  } catch (error) {
    if (error instanceof DataHubError && error.kind === 'staging_lost') return 'gone';
    throw error;
  }
}

async function hasKey(groups: AsyncIterable<string[]>, key: string): Promise<boolean> {
  for await (const keys of groups) if (keys.includes(key)) return true;
  return false;
}

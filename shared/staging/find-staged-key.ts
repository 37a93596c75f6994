import { DataHubError } from '../errors.ts';
import type { Staging } from './staging.ts';

/** What a batch staged for a key: its row, its delete, or nothing. `gone`: its objects have been deleted. */
export type StagedKey = 'upsert' | 'delete' | 'nothing' | 'gone';

export type KeyToFind = { column: string; key: string };

/** Keys of this form stand in a JSON text as they are. */
const PLAIN_KEY = /^[\w.:-]+$/;

/**
 * Looks for a key in the staged objects of a batch, which it reads until it finds the key. The key is compared as the rows have it: the digits of
 * a number, or the characters of a text.
 */
export async function findStagedKey(
  staging: Pick<Staging, 'readManifest' | 'readLines'>,
  prefix: string,
  find: KeyToFind,
  signal: AbortSignal,
): Promise<StagedKey> {
  try {
    const manifest = await staging.readManifest(prefix);
    if (manifest === null) return 'gone';
    for (const object of manifest.objects) {
      if (await hasKey(staging.readLines(object, signal), find)) {
        return object.name.startsWith(`${prefix}deletes-`) ? 'delete' : 'upsert';
      }
    }
    return 'nothing';
  } catch (error) {
    if (error instanceof DataHubError && error.kind === 'staging_lost') return 'gone';
    throw error;
  }
}

async function hasKey(groups: AsyncIterable<string[]>, find: KeyToFind): Promise<boolean> {
  for await (const lines of groups) {
    if (lines.some((line) => isRowOf(line, find))) return true;
  }
  return false;
}

function isRowOf(line: string, { column, key }: KeyToFind): boolean {
  // Most lines need not be parsed.
  if (PLAIN_KEY.test(key) && !line.includes(key)) return false;
  const row = JSON.parse(line, exactNumbers as (name: string, value: unknown) => unknown) as Record<
    string,
    unknown
  >;
  return String(row[column]) === key;
}

/** A 64-bit number as its digits. Node passes the text of each number. */
const exactNumbers = (_name: string, value: unknown, { source }: { source?: string }): unknown =>
  typeof value === 'number' && source !== undefined ? source : value;

import type { StoredObject } from './object-resource.ts';

export interface ListQuery {
  readonly prefix?: string | undefined;
  readonly delimiter?: string | undefined;
  /** Inclusive lower and exclusive upper bound of names. */
  readonly startOffset?: string | undefined;
  readonly endOffset?: string | undefined;
  /** Items and prefixes together. */
  readonly maxResults: number;
  readonly pageToken?: string | undefined;
}

export interface ListPage {
  readonly items: StoredObject[];
  readonly prefixes: string[];
  readonly nextPageToken?: string;
}

/**
 * One page of objects that are sorted by name. A delimiter folds all names that share what stands before it into
 * one prefix. The token says the last entry given, so a page goes on rightly although objects come and go between.
 */
export function listPage(objects: readonly StoredObject[], query: ListQuery): ListPage {
  const { prefix = '', delimiter, startOffset, endOffset, maxResults, pageToken } = query;
  const after = pageToken === undefined ? '' : Buffer.from(pageToken, 'base64url').toString();
  const items: StoredObject[] = [];
  const prefixes = new Set<string>();
  let last = '';
  for (const object of objects) {
    const { name } = object;
    if (!name.startsWith(prefix)) continue;
    if ((startOffset !== undefined && name < startOffset) || (endOffset !== undefined && name >= endOffset))
      continue;
    const folded = foldedName(name, prefix, delimiter);
    const entry = folded ?? name;
    if (entry <= after || prefixes.has(entry)) continue;
    if (items.length + prefixes.size === maxResults) {
      return { items, prefixes: [...prefixes], nextPageToken: Buffer.from(last).toString('base64url') };
    }
    if (folded === undefined) items.push(object);
    else prefixes.add(folded);
    last = entry;
  }
  return { items, prefixes: [...prefixes] };
}

function foldedName(name: string, prefix: string, delimiter: string | undefined): string | undefined {
  if (delimiter === undefined) return undefined;
  const end = name.indexOf(delimiter, prefix.length);
  return end === -1 ? undefined : name.slice(0, end + delimiter.length);
}

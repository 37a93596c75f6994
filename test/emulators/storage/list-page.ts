import type { StoredObject } from './object-resource.ts';

export interface ListQuery {
  readonly prefix?: string | undefined;
  readonly maxResults: number;
  readonly pageToken?: string | undefined;
}

export interface ListPage {
  readonly items: StoredObject[];
  readonly nextPageToken?: string;
}

/**
 * One page of objects that are sorted by name: https://cloud.google.com/storage/docs/json_api/v1/objects/list
 * The token holds the last name of the page, so that the next page is right although objects come and go in between.
 */
export function listPage(objects: readonly StoredObject[], query: ListQuery): ListPage {
  const { prefix = '', maxResults, pageToken } = query;
  const after = pageToken === undefined ? '' : Buffer.from(pageToken, 'base64url').toString();
  const matching = objects.filter(({ name }) => name.startsWith(prefix) && name > after);
  const items = matching.slice(0, maxResults);
  const last = items.at(-1);
  if (!last || items.length === matching.length) return { items };
  return { items, nextPageToken: Buffer.from(last.name).toString('base64url') };
}

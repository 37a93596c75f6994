import { KEY_CASES } from './key-cases.ts';
import type { CONTENT_TYPE } from './use-source.ts';

/** The input of a collapse, in terms of the test's tables: `item` (in its view unless hidden) and `company`, a lookup. */
export type World = {
  items: Item[];
  log: ModelLogRow[];
  checkpoint: { floorId: number; seen: number[]; maturedFloorId: number | null };
  maxLogRows: number;
  maxReadRows: number;
  maxNullRows: number;
  queuedKeys: string[];
  /** Which tables' log rows are skipped if they list only untracked columns. */
  skipsUntracked: { item: boolean; company: boolean };
};

/** `key` as PostgreSQL prints it. */
export type Item = { key: string; isHidden: boolean; companyId: number | null };

export type ModelLogRow = {
  id: number;
  type: keyof typeof CONTENT_TYPE;
  objectId: string;
  action: 'added' | 'changed' | 'deleted';
  /** Null stands for an SQL NULL. */
  changedData: { json: unknown } | null;
};

/** Turns an object id into a key. Returns null if it is not a value of the key's type. */
export type ParseKey = (objectId: string) => string | null;

export type ModelCapture = {
  added: string[];
  changed: string[];
  deleted: string[];
  logged: string[];
  logRows: number;
  badKeys: number;
  cutId: number | null;
  oldestId: number | null;
  floorId: number;
  unnamedNulls: string[];
  seen: number[];
};

const COLUMNS = {
  item: ['id', 'name', 'note', 'fax', 'is_hidden', 'company_id', 'updated_at'],
  company: ['id', 'name', 'fax'],
};

/** The tracked columns: those of `item` in the view's SELECT and WHERE, the configured `note`, and those of `company`. */
const TRACKED = {
  item: ['id', 'name', 'is_hidden', 'company_id', 'note'],
  company: ['id', 'name'],
};

/** A second implementation of capture and collapse, row by row. */
export function modelCapture(world: World, parseKey: ParseKey): ModelCapture {
  const { checkpoint, items, log, maxLogRows, maxReadRows, maxNullRows, queuedKeys } = world;
  const fresh = log.filter(({ id }) => id > checkpoint.floorId && !checkpoint.seen.includes(id));
  // One row more than is read tells whether there is more.
  const ours = fresh.slice(0, maxReadRows + 1).filter(({ type }) => type !== 'other');
  const cuts = [
    ...(ours.length > maxLogRows ? ours.slice(maxLogRows - 1, maxLogRows) : []),
    ...(fresh.length > maxReadRows ? fresh.slice(maxReadRows - 1, maxReadRows) : []),
  ];
  const cutId = cuts.length === 0 ? null : Math.min(...cuts.map(({ id }) => id));
  const covered = fresh.filter(({ id }) => cutId === null || id <= cutId);
  const oursCovered = covered.filter(({ type }) => type !== 'other');

  const keys = new Map<string, { mayChangeView: boolean; isAdded: boolean; isLogged: boolean }>();
  let badKeys = 0;
  const mention = (key: string | null, mayChangeView: boolean, isAdded: boolean, isLogged: boolean) => {
    if (key === null) {
      badKeys++;
      return;
    }
    const before = keys.get(key);
    keys.set(key, {
      mayChangeView: mayChangeView || before?.mayChangeView === true,
      isAdded: isAdded || before?.isAdded === true,
      isLogged: isLogged || before?.isLogged === true,
    });
  };
  for (const row of oursCovered) {
    if (row.type === 'item') {
      mention(parseKey(row.objectId), mayChange(row, world), row.action === 'added', true);
      for (const key of otherKeys(row, parseKey)) mention(parseKey(key), true, false, true);
      continue;
    }
    const { parse } = KEY_CASES.bigint;
    const ids = [...(mayChange(row, world) ? [row.objectId] : []), ...otherKeys(row, parse)].map(parse);
    for (const item of items.filter(({ companyId }) => ids.includes(String(companyId)))) {
      mention(item.key, true, false, true);
    }
  }
  const nulls = items.filter(({ companyId }) => companyId === null);
  const isCompanyDeleted = oursCovered.some(({ type, action }) => type === 'company' && action === 'deleted');
  if (isCompanyDeleted && nulls.length <= maxNullRows) {
    for (const { key } of nulls) mention(key, true, false, true);
  }
  for (const key of queuedKeys) mention(parseKey(key), true, false, false);

  const inView = new Set(items.filter(({ isHidden }) => !isHidden).map(({ key }) => key));
  const where = (
    wanted: (key: string, of: { mayChangeView: boolean; isAdded: boolean; isLogged: boolean }) => boolean,
  ) => [...keys].filter(([key, of]) => wanted(key, of)).map(([key]) => key);
  const floorId = Math.min(
    Math.max(checkpoint.floorId, checkpoint.maturedFloorId ?? 0),
    cutId ?? Number.POSITIVE_INFINITY,
  );
  return {
    added: where((key, of) => inView.has(key) && of.mayChangeView && of.isAdded),
    changed: where((key, of) => inView.has(key) && of.mayChangeView && !of.isAdded),
    deleted: where((key) => !inView.has(key)),
    logged: where((key, of) => of.isLogged && (of.mayChangeView || !inView.has(key))),
    logRows: oursCovered.length,
    badKeys,
    cutId,
    oldestId: oursCovered[0]?.id ?? null,
    floorId,
    unnamedNulls: isCompanyDeleted && nulls.length > maxNullRows ? ['company_id'] : [],
    seen: [...checkpoint.seen, ...covered.map(({ id }) => id)].filter((id) => id > floorId),
  };
}

/** Whether a log row may change the view: unless its table skips untracked columns and it is a `changed` row that lists nothing else. */
function mayChange({ type, action, changedData }: ModelLogRow, { skipsUntracked }: World): boolean {
  if (type === 'other' || !skipsUntracked[type] || action !== 'changed' || changedData === null) return true;
  const { json } = changedData;
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return true;
  return Object.keys(json).some((name) => TRACKED[type].includes(name) || !COLUMNS[type].includes(name));
}

/** The names under which columns other than the key may be listed. */
const OTHER_NAMES = {
  item: ['name', 'note', 'fax', 'is_hidden', 'company_id', 'company', 'updated_at'],
  company: ['name', 'fax'],
};

/**
 * The old and the new value of a key that was changed, unless the row names them. It may be listed under a name that belongs to no other column,
 * if the object id is one of the two and both are values of the key's type.
 */
function otherKeys({ type, action, changedData, objectId }: ModelLogRow, parse: ParseKey): string[] {
  const json = changedData?.json;
  if (type === 'other' || action !== 'changed' || typeof json !== 'object' || json === null) return [];
  if (Array.isArray(json)) return [];
  const valuesOf = (entry: unknown): string[] => {
    const { old: before, new: after } = entry as { old?: unknown; new?: unknown };
    return [before, after].flatMap((value) => (value == null ? [] : [String(value)]));
  };
  const listed =
    'id' in json
      ? valuesOf(json.id)
      : Object.entries(json)
          .filter(([name]) => !OTHER_NAMES[type].includes(name))
          .map(([, entry]) => valuesOf(entry))
          .filter((values) => values.includes(objectId))
          .flat()
          .filter((value) => parse(value) !== null);
  return listed.filter((key) => key !== objectId);
}

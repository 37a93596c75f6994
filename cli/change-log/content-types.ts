import type { Queryable } from '../../shared/postgres/transaction.ts';
import { findRelation } from '../../shared/source/catalog.ts';
import { findContentTypes } from '../../shared/source/content-types.ts';
import { loggedContentTypes, TRIGGER_LOG } from '../../shared/source/trigger-log.ts';
import type { PlannedTable } from './log-plan.ts';

type ContentType = PlannedTable['contentType'];
type NamedTable = { oid: number; schema: string; table: string };

/**
 * The content type of each table, by its oid: the one that its triggers log already; else one whose Django model the table is named after; else one named after the
 * table. An id of the application's content types is kept, so that view sources that were imported with it stay as they are.
 */
export async function assignContentTypes(
  client: Queryable,
  tables: readonly NamedTable[],
  contentTypeTable: string | null,
): Promise<Map<number, ContentType>> {
  const own = await typesIn(client, TRIGGER_LOG.contentTypeTable);
  const theirs =
    contentTypeTable === null ? new Map<string, number>() : await typesIn(client, contentTypeTable);
  const names = new Map([...own].map(([name, id]) => [id, name]));
  const assigned = new Map<number, ContentType>();
  const taken = new Set<number>();
  const add = (oid: number, id: number, name: string): void => {
    const [appLabel = '', ...model] = name.split('.');
    assigned.set(oid, { id, appLabel, model: model.join('.') });
    names.set(id, name);
    taken.add(id);
  };
  for (const { oid } of tables) {
    const id = (await loggedContentTypes(client, oid)).find((each) => names.has(each) && !taken.has(each));
    if (id !== undefined) add(oid, id, names.get(id) ?? '');
  }
  for (const { oid, schema, table } of tables.filter((each) => !assigned.has(each.oid))) {
    const name = freeName(
      candidates(schema, table, theirs),
      new Set([...taken].map((id) => names.get(id) ?? '')),
    );
    const kept = own.get(name) ?? theirs.get(name);
    const isFree = kept !== undefined && !taken.has(kept) && (names.get(kept) ?? name) === name;
    const next = Math.max(0, ...names.keys(), ...theirs.values()) + 1;
    add(oid, isFree ? kept : next, name);
  }
  return assigned;
}

async function typesIn(client: Queryable, table: string): Promise<Map<string, number>> {
  return (await findRelation(client, table)) === null ? new Map() : await findContentTypes(client, table);
}

/** The names that a table may have as `app_label.model`, the best first. A schema with a dot would make them ambiguous. */
function candidates(schema: string, table: string, theirs: ReadonlyMap<string, number>): string[] {
  const [, app, model] = /^([^_.]+)_([^.]+)$/.exec(table) ?? [];
  const label = schema.replaceAll('.', '_');
  return [
    ...[...theirs.keys()].filter((name) => name.replace('.', '_') === table),
    ...(app === undefined ? [] : [`${app}.${model}`]),
    `${label}.${table}`,
  ];
}

function freeName(names: readonly string[], taken: ReadonlySet<string>): string {
  const free = names.find((name) => !taken.has(name));
  if (free !== undefined) return free;
  const last = names.at(-1) ?? '';
  for (let n = 2; ; n += 1) if (!taken.has(`${last}_${n}`)) return `${last}_${n}`;
}

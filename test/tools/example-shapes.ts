import { BIG_QUERY_TYPES, type Column, type TableShape } from '../../shared/model/columns.ts';

export const DATASETS = { projectId: 'p-1', temp: 'T', target: 'D', view: 'V' };
const KEY: Column = { name: 'key', type: 'INT64', mode: 'REQUIRED' };
export const SIMPLEST: TableShape = {
  view: 'plain',
  target: 'plain',
  loadType: 'merge',
  keyColumn: 'key',
  columns: [KEY],
};
/** A view with every type, single and repeated, and with names that must be quoted. */
export const RICHEST: TableShape = {
  view: 'rich_view',
  target: 'rich',
  loadType: 'merge',
  keyColumn: 'key',
  columns: [
    KEY,
    ...BIG_QUERY_TYPES.map(
      (type): Column => ({ name: `${type.toLowerCase()}_value`, type, mode: 'NULLABLE' }),
    ),
    ...BIG_QUERY_TYPES.map(
      (type): Column => ({ name: `${type.toLowerCase()}_list`, type, mode: 'REPEATED' }),
    ),
    { name: 'select', type: 'STRING', mode: 'NULLABLE' },
    { name: 'ชื่อ', type: 'STRING', mode: 'NULLABLE' },
    // Names that a statement could use for itself.
    ...['t', 's', 'l', 'd', 'part', 'example'].map(
      (name): Column => ({ name, type: 'STRING', mode: 'NULLABLE' }),
    ),
  ],
};

/** Columns of a target that its view does not have any more. */
export const DROPPED: readonly Column[] = BIG_QUERY_TYPES.flatMap((type) => [
  { name: `${type.toLowerCase()}_dropped`, type, mode: 'NULLABLE' },
  { name: `${type.toLowerCase()}_dropped_list`, type, mode: 'REPEATED' },
]);

export const PURGE = { target: 'rich', before: new Date('2026-01-01T00:00:00Z') };
export const STREAMED: TableShape = { ...RICHEST, loadType: 'bq-storage-api' };

import type { Lookup } from '../model/view-source.ts';
import { atOnce } from '../postgres/at-once.ts';
import type { Queryable } from '../postgres/transaction.ts';
import {
  type CatalogColumn,
  type Relation,
  readColumns,
  readForeignKey,
  readPrimaryKey,
  type SourceType,
} from './catalog.ts';
import { type KeyType, referenceType, SUPPORTED_KEY_TYPES } from './key-type.ts';

/** How rows of the main table point at the rows of a lookup. */
export type LookupReference = {
  /** The column of the main table. */
  foreignKey: string;
  /** Where the column holds values of another column of the lookup than its primary key, which log rows name; otherwise null. */
  through: { table: string; primaryKey: string; column: string } | null;
  /** Whether the column may become NULL without a log row when a row of the lookup is deleted. */
  isNullable: boolean;
};

type FoundReference = {
  reference: LookupReference;
  /** The type of the object ids in the lookup's log rows. */
  keyType: KeyType;
  /** The primary key of the lookup; null if it has none with one column. */
  primaryKey: string | null;
  /** All columns of the lookup. */
  columns: string[];
};

/**
 * Finds how the lookup's column points at the lookup: as configured, else as a foreign key of the database says, else by the lookup's
 * primary key. Returns a fault as text, and null if the column does not exist.
 */
export async function lookupReference(
  client: Queryable,
  lookup: Lookup,
  { main, mainColumns, relation }: { main: Relation; mainColumns: CatalogColumn[]; relation: Relation },
): Promise<FoundReference | string | null> {
  const { column: foreignKey, table } = lookup;
  const column = mainColumns.find((each) => each.column === foreignKey);
  if (column === undefined) return null;
  const [declared, columns, primaryKey] = await atOnce(client, () => [
    readForeignKey(client, { from: main, column: foreignKey, to: relation }),
    readColumns(client, relation),
    readPrimaryKey(client, relation),
  ]);
  const key = columns.find((each) => each.column === primaryKey);
  const referenced = lookup.references ?? declared.referenced ?? primaryKey;
  const target = columns.find((each) => each.column === referenced);
  if (lookup.references !== undefined && target === undefined)
    return `referenced column ${lookup.references} does not exist in lookup table ${table}`;
  if (lookup.references !== undefined && key === undefined)
    return `lookup table ${table} has no single-column primary key, which its log rows would name`;
  const isDirect = key === undefined || target === undefined || target.column === key.column;
  // Whoever names the column says that the text is that of its values.
  const isText = lookup.references !== undefined && isDirect && kindOf(column) === 'text';
  if (target !== undefined && kindOf(target) !== kindOf(column) && !isText) {
    return `lookup column ${foreignKey} has type ${column.name}, but ${target.column} of lookup table ${table} has type ${target.name}: name the column that it holds as "references"`;
  }
  // Object ids name the primary key. As values of the column's own type they can be looked up in its index.
  const named = isDirect ? column : key;
  const keyType = referenceType(named);
  if (keyType === undefined) {
    return `lookup column ${named === column ? foreignKey : `${named.column} of ${table}`} has type ${named.name}, but must have type ${SUPPORTED_KEY_TYPES}`;
  }
  const isNullable = declared.isNullable && (lookup.setsNull ?? true);
  const through = isDirect ? null : { table: relation.name, primaryKey: key.column, column: target.column };
  const names = columns.map((each) => each.column);
  return { reference: { foreignKey, through, isNullable }, keyType, primaryKey, columns: names };
}

const KINDS = new Map(
  Object.entries({ int2: 'integer', int4: 'integer', int8: 'integer', varchar: 'text', bpchar: 'text' }),
);

/** Types of one kind are compared as equal values are written. */
const kindOf = ({ name, isArray }: SourceType): string => `${KINDS.get(name) ?? name}${isArray ? '[]' : ''}`;

import type { Queryable } from '../postgres/transaction.ts';
import type { CatalogColumn } from './catalog.ts';

/** How the object id of a log row (text) becomes a value of the view's key type. */
export type KeyType = {
  /** The type's SQL name. */
  sqlType: string;
  /**
   * Takes SQL for the object id. Returns SQL for its value in the key's type, which is NULL if the text is not such a value. That
   * SQL never fails, on any supported server.
   */
  fromText: (text: string) => string;
};

/** The white space that PostgreSQL accepts around integers. \s would also match other Unicode spaces. */
const SPACE = '[ \\t\\n\\v\\f\\r]*';

const integer = (sqlType: string, low: string, high: string): KeyType => ({
  sqlType,
  // The inner CASE keeps PostgreSQL from trying the cast on a value outside the bounds.
  fromText: (text) =>
    `case when ${text} ~ '^${SPACE}[-+]?[0-9]{1,20}${SPACE}$' then case when ${text}::numeric between ${low} and ${high} then ${text}::${sqlType} end end`,
});

const SUPPORTED = new Map(
  Object.entries<KeyType>({
    int2: integer('smallint', '-32768', '32767'),
    int4: integer('integer', '-2147483648', '2147483647'),
    int8: integer('bigint', '-9223372036854775808', '9223372036854775807'),
    uuid: {
      sqlType: 'uuid',
      fromText: (text) =>
        `case when ${text} ~* '^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$' then ${text}::uuid end`,
    },
    text: { sqlType: 'text', fromText: (text) => text },
    varchar: { sqlType: 'text', fromText: (text) => text },
  }),
);

/** Ignores the spaces that pad a `char(n)`, as PostgreSQL's comparison does. The view's key is text, so that it has one spelling. */
const PADDED_TEXT: KeyType = { sqlType: 'text', fromText: (text) => `${text}::bpchar::text` };

const PADDED: KeyType = { sqlType: 'bpchar', fromText: (text) => `${text}::bpchar` };

export const SUPPORTED_KEY_TYPES = 'smallint, integer, bigint, uuid, text or varchar';

/** The type of a column that object ids are compared with; undefined if its type is not supported. */
export function referenceType({ name, isArray }: CatalogColumn): KeyType | undefined {
  if (isArray) return undefined;
  return name === 'bpchar' ? PADDED : SUPPORTED.get(name);
}

/**
 * The key type of a view's key column, whose values are those of the main table's primary key; undefined if keys of its type are not
 * supported.
 */
export function keyTypeOfColumn(
  { name, isArray }: CatalogColumn,
  primaryKey: CatalogColumn | undefined,
): KeyType | undefined {
  const keyType = isArray ? undefined : SUPPORTED.get(name);
  return keyType?.sqlType === 'text' && primaryKey?.name === 'bpchar' ? PADDED_TEXT : keyType;
}

/** Returns the keys that are not values of the key type, at most 20, each as a JSON string. */
export async function badKeysAmong(client: Queryable, keyType: KeyType, keys: string[]): Promise<string[]> {
  const { rows } = await client.query(
    `select q as key from unnest($1::text[]) as q where (${keyType.fromText('q')}) is null limit 20`,
    [keys],
  );
  return rows.map((row) => JSON.stringify(row.key));
}

/** Those of the keys, as texts, that no value of the key type is written as: no row of the view can have them. */
export async function impossibleKeysAmong(
  client: Queryable,
  keyType: KeyType,
  keys: readonly string[],
): Promise<Set<string>> {
  const { rows } = await client.query(
    `select q as key from unnest($1::text[]) as q where (${keyType.fromText('q')})::text is distinct from q`,
    [keys],
  );
  return new Set(rows.map((row) => row.key as string));
}

/** How a log row's object id (text) becomes a value of the key's type. */
export type KeyType = {
  /** The type's SQL name. */
  sqlType: string;
  /** SQL of the object id as a value of the type, or NULL where it is none: never an error, on any supported server. */
  fromText: (text: string) => string;
};

/** The white space that PostgreSQL's integers allow around them; \s would also match that of other scripts. */
const SPACE = '[ \\t\\n\\v\\f\\r]*';

const integer = (sqlType: string, low: string, high: string): KeyType => ({
  sqlType,
  // The inner CASE keeps the cast from being tried on what the bounds exclude.
  fromText: (text) =>
    `case when ${text} ~ '^${SPACE}[-+]?[0-9]{1,20}${SPACE}$' then case when ${text}::numeric between ${low} and ${high} then ${text}::${sqlType} end end`,
});

const SUPPORTED: Record<string, KeyType> = {
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
};

/** The key type of a pg_type.typname, or undefined when keys of that type are not supported. */
export function keyTypeOf(typeName: string): KeyType | undefined {
  return SUPPORTED[typeName];
}

export const SUPPORTED_KEY_TYPES = 'smallint, integer, bigint, uuid, text and varchar';

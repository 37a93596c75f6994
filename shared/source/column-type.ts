import type { BigQueryType } from '../model/columns.ts';

/** A column of a view, as PostgreSQL's catalog describes it; domains are resolved to their base type. */
export type SourceType = {
  /** pg_type.typname of the element for an array, else of the type. */
  name: string;
  /** pg_type.typtype of the same: b, c, d, e, p, r, m. */
  kind: string;
  /** The type modifier of the column, -1 without one. */
  modifier: number;
  isArray: boolean;
  /** Declared dimensions of an array; 0 when unknown. */
  dimensions: number;
};

/** A condition on a value, as SQL, and what it means: "the value <reason>". */
type Reason = { when: (value: string) => string; reason: string };

/**
 * How values of one PostgreSQL type reach BigQuery (design: types). `form` gives the SQL of the value in its NDJSON form;
 * `unrepresentable` the SQL of a condition under which BigQuery cannot hold the value exactly, with the reason; where there are
 * several, `reasons` tells them apart.
 */
export type ColumnForm = {
  type: BigQueryType;
  form: (value: string) => string;
  unrepresentable?: Reason & { reasons?: Reason[] };
};

const same = (value: string): string => value;
const asText = (value: string): string => `${value}::text`;

const YEARS = 'is infinite or outside the years 1 to 9999';
const outside = (low: string, high: string) => (value: string) => `${value} not between ${low} and ${high}`;

const INTEGER: ColumnForm = { type: 'INT64', form: same };
// Beyond 2^53 a JSON number may lose digits on its way.
const BIGINT: ColumnForm = {
  type: 'INT64',
  form: (value) =>
    `case when ${value} between -9007199254740992 and 9007199254740992 then to_json(${value}) else to_json(${value}::text) end`,
};
const STRING: ColumnForm = { type: 'STRING', form: same };
const TEXT: ColumnForm = { type: 'STRING', form: asText };
const TIMESTAMPTZ: ColumnForm = {
  type: 'TIMESTAMP',
  form: same,
  unrepresentable: {
    when: outside(`'0001-01-01 00:00:00+00'::timestamptz`, `'9999-12-31 23:59:59.999999+00'::timestamptz`),
    reason: YEARS,
  },
};
/** JSON longer than this, in characters, is looked through; what is nested deeper than 500 is longer. */
const SHORT_JSON = 1000;
/** More digits in a row than a number has that INT64, UINT64 or FLOAT64 holds exactly. */
const LONG_NUMBER = 1000;

/**
 * Whether JSON that PostgreSQL keeps as text (json) cannot be read as jsonb, whose cast would be an error: half a surrogate
 * pair or NUL as an escape, a number beyond numeric, nesting that its parser gives up at. Never an error itself. Pairs of
 * backslashes are put aside first, then strings, so that what only looks like an escape or a number does not count.
 */
function isNoJsonb(text: string): string {
  const escapes = String.raw`regexp_replace(replace(${text}, '\\', '--'), '\\u[dD][89abAB]..\\u[dD][c-fC-F]', '-', 'g')`;
  const bare = String.raw`regexp_replace(${text}, '"[^"\\]*(?:\\.[^"\\]*)*"', '', 'g')`;
  return String.raw`case
    when strpos(${text}, '\u') > 0 and ${escapes} ~ '\\u(?:[dD][89a-fA-F]|0000)' then true
    when length(${text}) > ${SHORT_JSON} or ${text} ~ '[0-9][eE][-+]?[0-9]{4}' then exists (
      select from (select ${bare} as bare) b, lateral (select regexp_replace(bare, '[^][{}]', '', 'g') as brackets) n
      where bare ~ '[eE][-+]?0*[1-9][0-9]{3}'
        or exists (select from regexp_matches(bare, '[0-9]+', 'g') as d (digits) where length(digits[1]) > ${LONG_NUMBER})
        or length(brackets) > 1000 and 500 < (select max(depth) from (
          select sum(case when bracket in ('[', '{') then 1 else -1 end) over (order by i) as depth
          from string_to_table(brackets, null) with ordinality as c (bracket, i)) depths))
    else false end`;
}

/** JSON made by `toJsonb`, which must hold only what BigQuery's JSON holds exactly. CASE keeps what would overflow uncast. */
const json = (toJsonb: (value: string) => string, toText?: (value: string) => string): ColumnForm => {
  const isInexact = (value: string) =>
    `(jsonb_path_exists(${toJsonb(value)}, 'strict $.**{500} ? (@.type() == "object" || @.type() == "array")') or exists (
        select from jsonb_path_query(${toJsonb(value)}, 'strict $.** ? (@.type() == "number")') as j,
          lateral (select j::numeric as n) as number
        where not case
          when n = trunc(n) and n between -9223372036854775808 and 18446744073709551615 then true
          when abs(n) not between 4.94e-324 and 1.7976931348623157e308 then false
          else n::text::float8::text::numeric = n end))`;
  return {
    type: 'JSON',
    form: toJsonb,
    unrepresentable: {
      when: (value) =>
        toText === undefined
          ? isInexact(value)
          : `case when ${isNoJsonb(toText(value))} then true else ${isInexact(value)} end`,
      reason:
        'holds a number that is no exact INT64, UINT64 or FLOAT64, half a surrogate pair or a NUL character, or is nested deeper than 500',
    },
  };
};
const JSONB_VALUE = json(same);
const JSON_VALUE = json((value) => `${value}::jsonb`, asText);
/** Whatever it is made of may hold json. */
const JSON_OF_ANYTHING = json(
  (value) => `to_jsonb(${value})`,
  (value) => `to_json(${value})::text`,
);

const SCALARS: Record<string, ColumnForm> = {
  int2: INTEGER,
  int4: INTEGER,
  int8: BIGINT,
  oid: { type: 'INT64', form: (value) => `${value}::bigint` },
  // A float4 is widened first: its shortest text would be another FLOAT64.
  float4: { type: 'FLOAT64', form: (value) => `${value}::float8` },
  float8: { type: 'FLOAT64', form: same },
  bool: { type: 'BOOL', form: same },
  text: STRING,
  varchar: STRING,
  bpchar: STRING,
  // Their cast to text writes a netmask that their output leaves out.
  inet: STRING,
  cidr: STRING,
  bytea: { type: 'BYTES', form: (value) => `translate(encode(${value}, 'base64'), E'\\n', '')` },
  date: {
    type: 'DATE',
    form: same,
    unrepresentable: { when: outside(`'0001-01-01'::date`, `'9999-12-31'::date`), reason: YEARS },
  },
  timestamp: {
    type: 'DATETIME',
    form: same,
    unrepresentable: {
      when: outside(`'0001-01-01'::timestamp`, `'9999-12-31 23:59:59.999999'::timestamp`),
      reason: YEARS,
    },
  },
  timestamptz: TIMESTAMPTZ,
  time: {
    type: 'TIME',
    form: same,
    unrepresentable: { when: (value) => `${value} = '24:00'::time`, reason: 'is 24:00' },
  },
  json: JSON_VALUE,
  jsonb: JSONB_VALUE,
};

/** Scales that BigQuery's two decimal types hold, and their bounds. */
const NUMERIC_SCALE = 9;
const NUMERIC_WHOLE_DIGITS = 29;
const BIGNUMERIC_DIGITS = 38;

function decimal(modifier: number): ColumnForm {
  const isNotFinite = (value: string) => `${value}::text in ('NaN', 'Infinity', '-Infinity')`;
  if (modifier < 0) {
    return {
      type: 'BIGNUMERIC',
      form: asText,
      unrepresentable: {
        when: (value) =>
          `(${isNotFinite(value)} or min_scale(${value}) > ${BIGNUMERIC_DIGITS} or abs(${value}) > 5e38)`,
        reason: 'is no finite number of at most 38 digits on either side of the point',
      },
    };
  }
  // The typmod holds precision and scale; the scale is an 11-bit signed number since PostgreSQL 15.
  const precision = ((modifier - 4) >> 16) & 0xffff;
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  const whole = precision - scale;
  const type =
    whole <= NUMERIC_WHOLE_DIGITS && scale <= NUMERIC_SCALE
      ? 'NUMERIC'
      : whole <= BIGNUMERIC_DIGITS && scale <= BIGNUMERIC_DIGITS
        ? 'BIGNUMERIC'
        : 'STRING';
  if (type === 'STRING') return TEXT;
  return { type, form: asText, unrepresentable: { when: isNotFinite, reason: 'is no finite number' } };
}

function scalar(source: SourceType): ColumnForm {
  if (source.name === 'numeric') return decimal(source.modifier);
  if (source.kind === 'c') return JSON_OF_ANYTHING;
  return SCALARS[source.name] ?? TEXT;
}

/** A null of JSON is written like a NULL. */
const isJsonNull = ({ type, form }: ColumnForm, value: string): string =>
  type === 'JSON' ? `jsonb_typeof(${form(value)}) = 'null'` : 'false';

/** The form of a column's values; total: what has no better form is a STRING. */
export function columnForm(source: SourceType): ColumnForm & { isRepeated: boolean } {
  const element = scalar(source);
  if (!source.isArray) return { ...element, isRepeated: false };
  if (source.dimensions > 1 || source.kind === 'c') return { ...JSON_OF_ANYTHING, isRepeated: false };
  return {
    type: element.type,
    isRepeated: true,
    form: (value) =>
      element.form === same
        ? `coalesce(to_json(${value}), '[]')`
        : `coalesce((select json_agg(${element.form('e')} order by i) from unnest(${value}) with ordinality as a (e, i)), '[]')`,
    unrepresentable: unrepresentableArray(element),
  };
}

/** An array holds neither NULL nor a second dimension in BigQuery; a view's catalog does not tell which of its arrays have one. */
function unrepresentableArray(element: ColumnForm): NonNullable<ColumnForm['unrepresentable']> {
  const isBad = (e: string) => element.unrepresentable?.when(e) ?? 'false';
  const isNull = (e: string) =>
    `case when ${e} is null then true when ${isBad(e)} then false else ${isJsonNull(element, e)} end`;
  const any = (value: string, condition: string) =>
    `exists (select from unnest(${value}) as e where ${condition})`;
  const isNested = (value: string) => `array_ndims(${value}) > 1`;
  const reasons: Reason[] = [
    {
      when: isNested,
      reason: 'has more than one dimension: make it JSON in the view (to_jsonb)',
    },
    {
      when: (value) => any(value, isNull('e')),
      reason: 'holds a NULL: leave it out (array_remove) or make it JSON (to_jsonb) in the view',
    },
    ...(element.unrepresentable === undefined
      ? []
      : [
          {
            when: (value: string) => any(value, `e is not null and (${isBad('e')})`),
            reason: `holds an element that ${element.unrepresentable.reason}`,
          },
        ]),
  ];
  return {
    // One condition for all of them, since it is evaluated for every row.
    when: (value) =>
      `(${isNested(value)} or ${any(value, `case when e is null or ${isBad('e')} then true else ${isJsonNull(element, 'e')} end`)})`,
    reason: 'is no array that BigQuery holds',
    reasons,
  };
}

const DATETIME =
  `'^ *(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])` +
  `([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?)? *$'`;

/** Whether a text is no date and time that exists, without trying a cast, which would be an error. */
function isNoDatetime(text: string): string {
  const part = (from: number, length: number) => `substr(btrim(${text}), ${from}, ${length})::int`;
  const date = `make_date(${part(1, 4)}, ${part(6, 2)}, 1) + (${part(9, 2)} - 1)`;
  return `case when ${text} ~ ${DATETIME} then extract(month from ${date}) <> ${part(6, 2)} else ${text} is not null end`;
}

/** A column that the configuration calls a datetime: text or timestamp in the view, in UTC, and TIMESTAMP in the target. */
export function datetimeForm(source: SourceType): ColumnForm & { isRepeated: boolean } {
  const isText = ['text', 'varchar', 'bpchar'].includes(source.name);
  if (source.name === 'timestamptz' || source.isArray || !(isText || source.name === 'timestamp')) {
    return columnForm(source);
  }
  return {
    type: 'TIMESTAMP',
    isRepeated: false,
    form: (value) => `(${value}::timestamp at time zone 'UTC')`,
    unrepresentable: {
      when: (value) =>
        isText
          ? isNoDatetime(value)
          : outside(`'0001-01-01'::timestamp`, `'9999-12-31 23:59:59.999999'`)(value),
      reason: isText ? 'is no date and time' : YEARS,
    },
  };
}

// What is staged must still be within when it is streamed, a day later at the most.
const STREAMED_FROM = `now() - interval '10 years' + interval '2 days'`;
const STREAMED_TO = `now() + interval '1 year' - interval '2 days'`;

/**
 * The form of a partition column whose rows are streamed: BigQuery takes them from 10 years back to 1 year ahead
 * (https://cloud.google.com/bigquery/docs/change-data-capture). CASE keeps what is no date uncast.
 */
export function inStreamingWindow({ type, form, unrepresentable }: ColumnForm): ColumnForm {
  return {
    type,
    form,
    unrepresentable: {
      when: (value) =>
        `case when ${unrepresentable?.when(value) ?? 'false'} then true else (${form(value)})::timestamptz not between ${STREAMED_FROM} and ${STREAMED_TO} end`,
      reason: `${unrepresentable === undefined ? '' : `${unrepresentable.reason}, or `}lies outside the window of 10 years back to 1 year ahead that a streamed partition column has`,
    },
  };
}

import { arrayForm } from './array-form.ts';
import type { SourceType } from './catalog.ts';
import {
  asMicros,
  asText,
  asWritten,
  type ColumnForm,
  isOutside,
  unchanged,
  type ValueForm,
} from './column-form.ts';
import { NOT_24, NOT_BIGNUMERIC, NOT_FINITE, OUTSIDE_YEARS } from './decode/reasons.ts';
import {
  decodeBool,
  decodeBytea,
  decodeDate,
  decodeFloat4,
  decodeFloat8,
  decodeInt2,
  decodeInt4,
  decodeInt8,
  decodeOid,
  decodeText,
  decodeTime,
  decodeTimestamp,
  decodeUuid,
  fitsBignumeric,
  numericDecoder,
} from './decode/value-decoder.ts';
import { CONVERTED_TO_JSON, JSON_FORM, JSONB_FORM } from './json-form.ts';

const INTEGER = { type: 'INT64', toJson: unchanged, toText: asText } as const;
// A JSON number beyond 2^53 may lose digits where it is read as a double; a JSON string does not.
const BIGINT: ValueForm = {
  type: 'INT64',
  decode: decodeInt8,
  toJson: (value) =>
    `case when ${value} between -9007199254740992 and 9007199254740992 then to_json(${value}) else to_json(${value}::text) end`,
  toText: asText,
};
const STRING: ValueForm = { type: 'STRING', decode: decodeText, toJson: unchanged, toText: unchanged };
const PADDED: ValueForm = { type: 'STRING', decode: decodeText, toJson: unchanged, toText: asWritten };
const WRITTEN: ValueForm = {
  ...PADDED,
  copied: asWritten,
  // An array of two dimensions stands for any that the decoder refuses.
  copiedArray: (value) =>
    `case when array_ndims(${value}) > 1 then array[array['']] when ${value} is not null then array(
      select ${asWritten('e')} from unnest(${value}) with ordinality as a (e, i) order by i) end`,
};
const TEXT: ValueForm = {
  type: 'STRING',
  decode: decodeText,
  copied: asText,
  copiedArray: (value) => `${value}::text[]`,
  toJson: asText,
  toText: asText,
};

/** By pg_type.typname. */
const SCALARS = new Map(
  Object.entries<ValueForm>({
    int2: { ...INTEGER, decode: decodeInt2 },
    int4: { ...INTEGER, decode: decodeInt4 },
    int8: BIGINT,
    oid: { type: 'INT64', decode: decodeOid, toJson: (value) => `${value}::bigint`, toText: asText },
    // Converted to float8 first: the shortest text of a float4 reads back as a different FLOAT64.
    float4: { type: 'FLOAT64', decode: decodeFloat4, toJson: (value) => withSign(`${value}::float8`) },
    float8: { type: 'FLOAT64', decode: decodeFloat8, toJson: withSign },
    bool: {
      type: 'BOOL',
      decode: decodeBool,
      toJson: unchanged,
      toText: (value) => `case ${value} when true then '1' when false then '0' end`,
    },
    text: STRING,
    varchar: STRING,
    bpchar: PADDED,
    uuid: { ...TEXT, decode: decodeUuid, copied: unchanged, copiedArray: unchanged },
    // A cast to text would add the netmask of a single host, which PostgreSQL's own output omits.
    inet: WRITTEN,
    cidr: WRITTEN,
    bytea: {
      type: 'BYTES',
      decode: decodeBytea,
      toJson: (value) => `translate(encode(${value}, 'base64'), E'\\n', '')`,
      toText: (value) => `encode(${value}, 'hex')`,
    },
    date: {
      type: 'DATE',
      decode: decodeDate,
      toJson: unchanged,
      toText: (value) => `(${value} - date '1970-01-01')::text`,
      unrepresentable: {
        when: isOutside(`'0001-01-01'::date`, `'9999-12-31'::date`),
        reason: OUTSIDE_YEARS,
      },
    },
    timestamp: {
      type: 'DATETIME',
      decode: decodeTimestamp,
      toJson: unchanged,
      toText: asMicros,
      unrepresentable: {
        when: isOutside(`'0001-01-01'::timestamp`, `'9999-12-31 23:59:59.999999'::timestamp`),
        reason: OUTSIDE_YEARS,
      },
    },
    timestamptz: {
      type: 'TIMESTAMP',
      decode: decodeTimestamp,
      toJson: unchanged,
      toText: asMicros,
      unrepresentable: {
        when: isOutside(
          `'0001-01-01 00:00:00+00'::timestamptz`,
          `'9999-12-31 23:59:59.999999+00'::timestamptz`,
        ),
        reason: OUTSIDE_YEARS,
      },
    },
    time: {
      type: 'TIME',
      decode: decodeTime,
      toJson: unchanged,
      toText: asMicros,
      unrepresentable: { when: (value) => `${value} = '24:00'::time`, reason: NOT_24 },
    },
    json: JSON_FORM,
    jsonb: JSONB_FORM,
  }),
);

/** A load job may read the number -0 as an integer, which has no sign: the negative zero is a string, as NaN is. */
function withSign(float: string): string {
  return `case when ${float} = 0 and ${float}::text = '-0' then to_json('-0.0'::text) else to_json(${float}) end`;
}

/** The digits that BigQuery's two decimal types hold. */
const NUMERIC_SCALE = 9;
const NUMERIC_WHOLE_DIGITS = 29;
const BIGNUMERIC_DIGITS = 38;

const withoutZeros = (value: string): string => `trim_scale(${value})::text`;

function decimal(modifier: number): ValueForm {
  const isNotFinite = (value: string) => `${value}::text in ('NaN', 'Infinity', '-Infinity')`;
  if (modifier < 0) {
    return {
      type: 'BIGNUMERIC',
      decode: numericDecoder(NOT_BIGNUMERIC, fitsBignumeric),
      toJson: asText,
      toText: withoutZeros,
      unrepresentable: {
        when: (value) =>
          `(${isNotFinite(value)} or min_scale(${value}) > ${BIGNUMERIC_DIGITS} or abs(${value}) > 5e38)`,
        reason: NOT_BIGNUMERIC,
      },
    };
  }
  // The type modifier holds precision and scale; since PostgreSQL 15 the scale is an 11-bit signed number.
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
  return {
    type,
    decode: numericDecoder(NOT_FINITE, () => true),
    toJson: asText,
    toText: withoutZeros,
    unrepresentable: { when: isNotFinite, reason: NOT_FINITE },
  };
}

function scalarForm(source: SourceType): ValueForm {
  if (source.name === 'numeric' && source.isBuiltIn) return decimal(source.modifier);
  if (source.kind === 'c') return CONVERTED_TO_JSON;
  // An enum may have the name of any type.
  return (source.kind === 'b' && source.isBuiltIn ? SCALARS.get(source.name) : undefined) ?? TEXT;
}

/**
 * How the values of a column of this type reach BigQuery (docs/architecture.md#types). Every type has a form: one that is not
 * listed becomes a STRING.
 */
export function columnForm(source: SourceType): ColumnForm {
  const element = scalarForm(source);
  if (!source.isArray) return { ...element, isRepeated: false };
  if (source.dimensions > 1 || source.kind === 'c') return { ...CONVERTED_TO_JSON, isRepeated: false };
  return arrayForm(element);
}

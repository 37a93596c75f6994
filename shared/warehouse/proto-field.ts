import type { BigQueryType, Column } from '../model/columns.ts';

/** The protobuf types that the Storage Write API uses for BigQuery's types. */
export type ProtoType = 'int64' | 'int32' | 'double' | 'bool' | 'string' | 'bytes';

/** A field as the .proto declares it, without its number. */
export type ProtoField = { rule: 'required' | 'optional' | 'repeated'; type: ProtoType };

/** From Google's page "Use the BigQuery Storage Write API", supported data types: DATE in days, TIMESTAMP in microseconds. */
const PROTO_TYPE: Record<BigQueryType, ProtoType> = {
  INT64: 'int64',
  FLOAT64: 'double',
  NUMERIC: 'string',
  BIGNUMERIC: 'string',
  BOOL: 'bool',
  STRING: 'string',
  BYTES: 'bytes',
  DATE: 'int32',
  DATETIME: 'string',
  TIMESTAMP: 'int64',
  TIME: 'string',
  JSON: 'string',
};

const RULE: Record<Column['mode'], ProtoField['rule']> = {
  REQUIRED: 'required',
  NULLABLE: 'optional',
  REPEATED: 'repeated',
};

/** Returns the field that a column of a streamed target needs. */
export function protoField({ type, mode }: Column): ProtoField {
  return { rule: RULE[mode], type: PROTO_TYPE[type] };
}

/** The fields that make a row a change. Every message requires them, under the numbers that Google's Node client uses. */
export const CHANGE_FIELDS = {
  _CHANGE_SEQUENCE_NUMBER: 991,
  _CHANGE_TYPE: 992,
} as const;

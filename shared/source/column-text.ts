import type { BigQueryType } from '../model/columns.ts';
import { STOPPING_TEXT } from '../model/row-text.ts';
import { quoteLiteral } from '../postgres/quote.ts';
import type { ColumnForm } from './column-form.ts';
import { columnForm } from './column-type.ts';

/** What the view source says of a column. */
export type ColumnOptions = {
  policy: 'stop' | 'null' | 'string';
  /** The value that replaces NULL. */
  fallback: string | number | boolean | undefined;
  /** Whether a NULL array stops the batch. */
  stopsAtNullArray: boolean;
};

/** No array of a target contains a NULL. */
const STOPPING_ARRAY = 'array[null]';

/**
 * SQL for the text by which a value of the form is compared with the target's, or of an array with the texts of its elements
 * (`shared/model/row-text.ts`); null if it is compared by value.
 */
export function columnText(
  { type, isRepeated, toText, unrepresentable }: ColumnForm,
  value: string,
  { policy, fallback, stopsAtNullArray }: ColumnOptions,
): string | null {
  const replacesNull = (text: string, becomes: BigQueryType) =>
    fallback === undefined ? text : `coalesce(${text}, ${defaultText(becomes, String(fallback))})`;
  if (unrepresentable !== undefined && policy === 'string') return replacesNull(`${value}::text`, 'STRING');
  if (toText === undefined) return null;
  const stopping = isRepeated ? STOPPING_ARRAY : `'${STOPPING_TEXT}'`;
  const replaced = isRepeated ? `'{}'` : 'null';
  const cases = [
    ...(stopsAtNullArray ? [`when ${value} is null then ${stopping}`] : []),
    ...(unrepresentable === undefined
      ? []
      : [`when ${unrepresentable.when(value)} then ${policy === 'stop' ? stopping : replaced}`]),
  ];
  const text = replacesNull(toText(value), type);
  return cases.length === 0 ? text : `case ${cases.join(' ')} else ${text} end`;
}

/** The types of PostgreSQL whose texts are those of BigQuery's types. */
const SAME_TEXT: Partial<Record<BigQueryType, string>> = {
  INT64: 'int8',
  NUMERIC: 'numeric',
  BIGNUMERIC: 'numeric',
  BOOL: 'bool',
  STRING: 'text',
  DATE: 'date',
  DATETIME: 'timestamp',
  TIMESTAMP: 'timestamptz',
  TIME: 'time',
};

const WITH_ZONE = /(?:Z| UTC|[+-]\d\d:\d\d)$/;

/** SQL for the text of a default, which is written as BigQuery reads it. */
function defaultText(type: BigQueryType, value: string): string {
  if (type === 'BYTES') return `encode(decode(${quoteLiteral(value)}, 'base64'), 'hex')`;
  const name = SAME_TEXT[type];
  if (name === undefined) throw new RangeError(`a default of type ${type} has no text`);
  // PostgreSQL would read a time without a zone in that of the session.
  const written = type === 'TIMESTAMP' && !WITH_ZONE.test(value) ? `${value} UTC` : value;
  const { toText } = columnForm({
    name,
    kind: 'b',
    isBuiltIn: true,
    modifier: -1,
    isArray: false,
    dimensions: 0,
  });
  if (toText === undefined) throw new RangeError(`a ${name} has no text`);
  return toText(`${quoteLiteral(written)}::${name}`);
}

import type { Column, TableShape } from '../model/columns.ts';
import {
  betweenBounds,
  HASH_DIGITS,
  isHashed,
  KEY_DIGITS,
  NULL_TEXT,
  type RowTextSql,
  SEPARATOR,
  type StreamingWindow,
} from '../model/row-text.ts';
import { quoted } from './names.ts';

type HashedColumn = Pick<Column, 'name' | 'type' | 'mode'>;

/** The SQL for the hashed ones among these columns of a target. `window` is null if the values of all columns can be compared. */
export function rowTextSql(
  { columns: all, keyColumn }: TableShape,
  columns: readonly HashedColumn[],
  window: StreamingWindow | null,
): RowTextSql {
  const key = `v_target.${quoted(keyColumn)}`;
  const isInteger = all.some(({ name, type }) => name === keyColumn && type === 'INT64');
  const texts = columns
    .filter(isHashed)
    .map((column) => columnText(column, `v_target.${quoted(column.name)}`, window));
  return {
    texts,
    key: `cast(${key} as string)`,
    bucket: (buckets) => `mod(${isInteger ? key : digits(key, KEY_DIGITS)}, ${buckets})`,
    hash: digits(`concat(${texts.join(`, '${SEPARATOR}', `)})`, HASH_DIGITS),
  };
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast_int64 reads hexadecimal digits. */
const digits = (text: string, count: number): string =>
  `cast(concat('0x', substr(to_hex(md5(${text})), 1, ${count})) as int64)`;

const withSize = (text: string): string => `concat(cast(byte_length(${text}) as string), ':', ${text})`;

/** GoogleSQL for the text of a column's value, which is never NULL. */
function columnText(column: HashedColumn, value: string, window: StreamingWindow | null): string {
  const { name, type, mode } = column;
  if (mode === 'REPEATED') {
    return `coalesce((
      select string_agg(${withSize('v_text')}, '' order by v_offset)
      from (select ${valueText(type, 'v_element')} as v_text, v_offset from unnest(${value}) as v_element with offset as v_offset)
    ), '')`;
  }
  const text = valueText(type, value);
  if (type === 'STRING') return `coalesce(${withSize(text)}, '${NULL_TEXT}')`;
  if (name !== window?.column) return `coalesce(${text}, '${NULL_TEXT}')`;
  return `if(cast(${text} as int64) ${betweenBounds(column, window)}, ${text}, '${NULL_TEXT}')`;
}

/** GoogleSQL for the text of a value, which is NULL for NULL. */
function valueText(type: Column['type'], value: string): string {
  switch (type) {
    case 'STRING':
      return value;
    case 'INT64':
      return `cast(${value} as string)`;
    case 'NUMERIC':
    case 'BIGNUMERIC':
      // No document says how many zeros the cast leaves at the end.
      return `regexp_replace(cast(${value} as string), r'(\\.[0-9]*[1-9])0+$|\\.0*$', r'\\1')`;
    case 'BOOL':
      return `cast(cast(${value} as int64) as string)`;
    case 'BYTES':
      return `to_hex(${value})`;
    case 'DATE':
      return `cast(unix_date(${value}) as string)`;
    case 'DATETIME':
      return `cast(unix_micros(timestamp(${value})) as string)`;
    case 'TIMESTAMP':
      return `cast(unix_micros(${value}) as string)`;
    case 'TIME':
      return `cast(time_diff(${value}, time '00:00:00', microsecond) as string)`;
    case 'FLOAT64':
    case 'JSON':
      throw new RangeError(`a value of type ${type} has no text that both databases write`);
  }
}

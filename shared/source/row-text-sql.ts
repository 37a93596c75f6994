import { HASH_DIGITS, isHashed, KEY_DIGITS, NULL_TEXT, SEPARATOR } from '../model/row-text.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { SourceView } from './describe-view.ts';
import type { SourceColumn } from './source-column.ts';

/** SQL for values of the view `v`, by which its rows are compared with those of the target (`shared/model/row-text.ts`). */
export type RowTextSql = {
  /** The key as text. */
  key: string;
  /** The bucket of the row among `buckets`: a whole number. */
  bucket: (buckets: number) => string;
  /** The hash of the row, as int8. */
  hash: string;
};

/** PostgreSQL's limit for the arguments of one call is 100. */
const MAX_ARGUMENTS = 50;

/** `isUtf8` says whether the server's encoding is BigQuery's, so that its texts need no conversion before they are hashed. */
export function rowTextSql(view: SourceView, columns: readonly SourceColumn[], isUtf8: boolean): RowTextSql {
  const digits = (text: string, count: number) =>
    `('x' || left(md5(${isUtf8 ? text : `convert_to(${text}, 'UTF8')`}), ${count}))::bit(${count * 4})::int8`;
  const key = `v.${quoteIdentifier(view.keyColumn)}`;
  const isInteger = view.columns.some(({ name, type }) => name === view.keyColumn && type === 'INT64');
  return {
    key: `${key}::text`,
    bucket: (buckets) =>
      isInteger ? `${key}::int8 % ${buckets}` : `${digits(`${key}::text`, KEY_DIGITS)} % ${buckets}`,
    hash: digits(joined(columns.filter(isHashed).map(textOf)), HASH_DIGITS),
  };
}

function textOf({ name, text, type, mode }: SourceColumn): string {
  if (text === null) throw new RangeError(`column ${name} has no text`);
  const hasLength = type === 'STRING' && mode !== 'REPEATED';
  return `coalesce(${hasLength ? `length(${text}) || ':' || ${text}` : text}, '${NULL_TEXT}')`;
}

function joined(texts: readonly string[]): string {
  const parts: string[] = [];
  for (let from = 0; from < texts.length; from += MAX_ARGUMENTS) {
    parts.push(`concat_ws('${SEPARATOR}', ${texts.slice(from, from + MAX_ARGUMENTS).join(', ')})`);
  }
  return parts.join(` || '${SEPARATOR}' || `);
}

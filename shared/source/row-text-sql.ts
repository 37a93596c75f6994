import {
  betweenBounds,
  HASH_DIGITS,
  isHashed,
  KEY_DIGITS,
  NULL_TEXT,
  type RowTextOptions,
  type RowTextSql,
  SEPARATOR,
} from '../model/row-text.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { SourceView } from './describe-view.ts';
import type { SourceColumn } from './source-column.ts';

/** So that a view with PostgreSQL's limit of 1600 columns has fewer parts than its limit of 100 arguments for one call. */
const TEXTS_PER_PART = 20;

/**
 * The SQL for the hashed ones among these columns of `view.columns`. The texts depend on settings of the session, so that the statement must
 * compute them within `writtenRows`.
 */
export function rowTextSql(
  view: SourceView,
  columns: readonly SourceColumn[],
  { isUtf8, window }: RowTextOptions,
): RowTextSql {
  const utf8 = (text: string) => (isUtf8 ? text : `convert_to(${text}, 'UTF8')`);
  const digits = (text: string, count: number) =>
    `('x' || left(md5(${utf8(text)}), ${count}))::bit(${count * 4})::int8`;
  const withSize = (text: string) => `octet_length(${utf8(text)}) || ':' || ${text}`;

  const textOf = (column: SourceColumn): string => {
    const { name, text, type, mode } = column;
    if (text === null) throw new RangeError(`column ${name} has no text`);
    if (mode === 'REPEATED') {
      const element = `coalesce(${withSize('t')}, '${NULL_TEXT}')`;
      return `(select coalesce(string_agg(${element}, '' order by i), '') from unnest(${text}) with ordinality as a (t, i))`;
    }
    if (type === 'STRING') return `coalesce(${withSize(text)}, '${NULL_TEXT}')`;
    if (name !== window?.column) return `coalesce(${text}, '${NULL_TEXT}')`;
    return `case when (${text})::int8 ${betweenBounds(column, window)} then ${text} else '${NULL_TEXT}' end`;
  };

  const key = `v.${quoteIdentifier(view.keyColumn)}`;
  const isInteger = view.columns.some(({ name, type }) => name === view.keyColumn && type === 'INT64');
  const texts = columns.filter(isHashed).map(textOf);
  return {
    texts,
    key: `${key}::text`,
    bucket: (buckets) => `(${isInteger ? `${key}::int8` : digits(`${key}::text`, KEY_DIGITS)} % ${buckets})`,
    hash: digits(joined(texts), HASH_DIGITS),
  };
}

/** `||` is faster than `concat_ws`, but copies all that comes before it. */
function joined(texts: readonly string[]): string {
  const parts: string[] = [];
  for (let from = 0; from < texts.length; from += TEXTS_PER_PART) {
    parts.push(texts.slice(from, from + TEXTS_PER_PART).join(` || '${SEPARATOR}' || `));
  }
  return parts.length === 1 ? parts.join() : `concat_ws('${SEPARATOR}', ${parts.join(', ')})`;
}

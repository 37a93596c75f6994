import { isTypeName, literal } from '../field.ts';
import { type Token, tokenize } from '../script/tokenize.ts';
import { isOwnFunction } from './functions.ts';

/** The prefix of GoogleSQL's functions in a normalised text, and of the macros in functions.sql. */
export const FUNCTION_PREFIX = 'bq_';

/** Functions that may have no parentheses. */
const BARE_FUNCTIONS = new Set(['CURRENT_DATE', 'CURRENT_TIMESTAMP']);

/**
 * The same statement in a form that the translator reads without mistakes: plain strings only, and functions under names that it leaves
 * alone.
 */
export function normalise(sql: string): string {
  const tokens = tokenize(sql);
  let normal = '';
  let end = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.start > end) normal += ' ';
    normal += written(token, tokens[index - 1], tokens[index + 1]);
    end = token.end;
  }
  return normal;
}

function written(token: Token, before?: Token, after?: Token): string {
  switch (token.kind) {
    case 'string':
      return isJsonLiteral(before, token) ? `(${text(token.value)})` : text(token.value);
    case 'bytes':
      return `${FUNCTION_PREFIX}bytes_of_hex(${literal(token.value)})`;
    case 'word':
      if (isJsonLiteral(token, after)) return `${FUNCTION_PREFIX}parse_json`;
      if (token.keyword === 'INSERT' && after?.keyword !== 'INTO' && before === undefined) {
        return 'insert into';
      }
      if (BARE_FUNCTIONS.has(token.keyword) && after?.keyword !== '(' && before?.keyword !== '.') {
        return `${FUNCTION_PREFIX}${token.value}()`;
      }
      if (isCall(token, before, after)) return `${FUNCTION_PREFIX}${token.value.toLowerCase()}`;
      return isName(token, before, after) ? `\`${token.text}\`` : token.text;
    default:
      return token.text;
  }
}

/** The translator knows two escapes, of a backslash and of a quote. */
const text = (value: string): string =>
  `'${value.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`;

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#json_literals */
const isJsonLiteral = (word?: Token, string?: Token): boolean =>
  word?.keyword === 'JSON' && string?.kind === 'string';

/**
 * A word that can only be a name, and is quoted then: some of them are keywords for the translator but not in GoogleSQL.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords
 */
function isName(token: Token, before?: Token, after?: Token): boolean {
  if (after?.keyword === '(' || after?.keyword === '<') return false;
  if (before?.keyword === '.') return true;
  return before?.keyword === 'AS' && !isTypeName(token.value) && token.keyword !== 'VALUE';
}

function isCall(token: Token, before?: Token, after?: Token): boolean {
  if (after?.keyword !== '(' || !isOwnFunction(token.value.toLowerCase())) return false;
  // The arguments may have names (`struct(1 as a)`), which the translator reads only in a call of this name.
  if (token.keyword === 'STRUCT') return false;
  // The columns of `INSERT INTO date (…)` are no arguments.
  return before?.keyword !== '.' && before?.keyword !== 'INTO' && before?.keyword !== 'AS';
}

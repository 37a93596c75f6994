import { isTypeName, literal } from '../field.ts';
import { type Token, tokenize } from '../script/tokenize.ts';
import { isOwnFunction } from './functions.ts';

/** The prefix of GoogleSQL's functions in a normalised text, and of the macros that implement many of them. */
export const FUNCTION_PREFIX = 'bq_';

/** Functions that may be written without parentheses. */
const BARE_FUNCTIONS = new Set(['CURRENT_DATE', 'CURRENT_DATETIME', 'CURRENT_TIME', 'CURRENT_TIMESTAMP']);

/**
 * Rewrites a statement so that the translator reads it correctly: strings become plain strings, bytes become calls, and
 * functions that the translator does not know get names that it keeps.
 */
export function normalise(sql: string): string {
  const tokens = tokenize(sql);
  let normal = '';
  let end = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.start > end) normal += ' ';
    normal += written(token, tokens[index - 1], tokens[index + 1], tokens[index - 2]);
    end = token.end;
  }
  return normal;
}

function written(token: Token, before?: Token, after?: Token, twoBefore?: Token): string {
  switch (token.kind) {
    case 'string':
      // The translator escapes a backslash and a quote.
      return `'${token.value.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`;
    case 'bytes':
      return `${FUNCTION_PREFIX}from_hex(${literal(token.value)})`;
    case 'word':
      if (token.keyword === 'INSERT' && after?.keyword !== 'INTO' && before === undefined) {
        return 'insert into';
      }
      if (BARE_FUNCTIONS.has(token.keyword) && after?.keyword !== '(' && before?.keyword !== '.') {
        return `${FUNCTION_PREFIX}${token.value}()`;
      }
      if (isCall(token, before, after, twoBefore)) return `${FUNCTION_PREFIX}${token.value.toLowerCase()}`;
      return isName(token, before, after) ? `\`${token.text}\`` : token.text;
    default:
      return token.text;
  }
}

/**
 * Whether a word can only be a name. Such words are quoted, because the translator has keywords that GoogleSQL lacks.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords
 */
function isName(token: Token, before?: Token, after?: Token): boolean {
  if (after?.keyword === '(' || after?.keyword === '<') return false;
  if (before?.keyword === '.') return true;
  return before?.keyword === 'AS' && !isTypeName(token.value) && token.keyword !== 'VALUE';
}

function isCall(token: Token, before?: Token, after?: Token, twoBefore?: Token): boolean {
  if (after?.keyword !== '(' || !isOwnFunction(token.value.toLowerCase())) return false;
  // The translator reads named arguments (`struct(1 as a)`) only under the name STRUCT.
  if (token.keyword === 'STRUCT') return false;
  if (before?.keyword === '.') return twoBefore?.keyword === 'SAFE';
  // `* REPLACE (…)` is not a call, nor are the columns of `INSERT INTO date (…)`.
  if (token.keyword === 'REPLACE' && (before?.keyword === '*' || before?.keyword === ')')) return false;
  return before?.keyword !== 'INTO' && before?.keyword !== 'AS';
}

import { isTypeName, literal } from '../field.ts';
import { type Token, tokenize } from '../script/tokenize.ts';
import { isOwnFunction } from './functions.ts';

/** Prefix of GoogleSQL's functions in a normalised text, and of the macros that stand for many of them. */
export const FUNCTION_PREFIX = 'bq_';

/** Functions that may be written without parentheses. */
const BARE_FUNCTIONS = new Set(['CURRENT_DATE', 'CURRENT_DATETIME', 'CURRENT_TIME', 'CURRENT_TIMESTAMP']);

/**
 * The same statement in a form that the translator reads without mistakes: every string a plain one, bytes as a call,
 * functions that need more than the translator knows under names that it leaves alone.
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
      // The translator's own escapes: a backslash and a quote.
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

/** A word that can only be a name is quoted: some are keywords for the translator and not for GoogleSQL. */
function isName(token: Token, before?: Token, after?: Token): boolean {
  if (after?.keyword === '(' || after?.keyword === '<') return false;
  if (before?.keyword === '.') return true;
  return before?.keyword === 'AS' && !isTypeName(token.value) && token.keyword !== 'VALUE';
}

function isCall(token: Token, before?: Token, after?: Token, twoBefore?: Token): boolean {
  if (after?.keyword !== '(' || !isOwnFunction(token.value.toLowerCase())) return false;
  // Its arguments have names (`struct(1 as a)`), which the translator reads only under this one.
  if (token.keyword === 'STRUCT') return false;
  if (before?.keyword === '.') return twoBefore?.keyword === 'SAFE';
  // `* REPLACE (…)` is no call; neither are the columns of `INSERT INTO date (…)`.
  if (token.keyword === 'REPLACE' && (before?.keyword === '*' || before?.keyword === ')')) return false;
  return before?.keyword !== 'INTO' && before?.keyword !== 'AS';
}

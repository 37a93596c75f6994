import type { LogEntry } from './log-entry.ts';

/** Whether a log entry matches. */
export type LogFilter = (entry: LogEntry) => boolean;

const SEVERITIES = [
  'DEFAULT',
  'DEBUG',
  'INFO',
  'NOTICE',
  'WARNING',
  'ERROR',
  'CRITICAL',
  'ALERT',
  'EMERGENCY',
];
const TOKEN = /\s*(?:(>=|<=|!=|[=<>:()])|"((?:[^"\\]|\\.)*)"|([A-Za-z0-9_.*-]+))/y;

type Token = { kind: 'sign' | 'text' | 'word'; text: string };

/**
 * Parses a filter in Cloud Logging's query language (https://cloud.google.com/logging/docs/view/logging-query-language), in the
 * subset that terraform/ uses: comparisons of a field by = != > >= < <= with a value or with one of several values
 * `("a" OR "b")`, `field:*` for a field that exists, AND, OR, NOT and parentheses. The comparison of texts is case-sensitive.
 * Throws on anything else.
 */
export function parseLogFilter(text: string): LogFilter {
  const tokens = tokenize(text);
  let next = 0;

  const isAt = (word: string): boolean => tokens[next]?.kind !== 'text' && tokens[next]?.text === word;
  const take = (): Token => {
    const token = tokens[next];
    if (token === undefined) throw new Error(`the filter ends too early: ${text}`);
    next += 1;
    return token;
  };
  const expect = (word: string): void => {
    if (!isAt(word)) throw new Error(`${word} expected before token ${next + 1} of the filter: ${text}`);
    next += 1;
  };
  const chain = (word: 'AND' | 'OR', part: () => LogFilter): LogFilter[] => {
    const parts = [part()];
    while (isAt(word)) {
      next += 1;
      parts.push(part());
    }
    return parts;
  };

  // OR binds more tightly than AND.
  function allOf(): LogFilter {
    const parts = chain('AND', anyOf);
    return (entry) => parts.every((part) => part(entry));
  }
  function anyOf(): LogFilter {
    const parts = chain('OR', one);
    return (entry) => parts.some((part) => part(entry));
  }
  function one(): LogFilter {
    if (isAt('NOT')) {
      next += 1;
      const part = one();
      return (entry) => !part(entry);
    }
    if (isAt('(')) {
      next += 1;
      const part = allOf();
      expect(')');
      return part;
    }
    return comparison();
  }
  function comparison(): LogFilter {
    const field = take();
    const operator = take();
    if (field.kind !== 'word' || operator.kind !== 'sign') throw new Error(`not a comparison: ${text}`);
    if (operator.text === ':') {
      expect('*');
      return (entry) => fieldOf(entry, field.text) !== undefined;
    }
    const values = isAt('(') ? list() : [take()];
    return (entry) => values.some((value) => compare(entry, field.text, operator.text, value));
  }
  function list(): Token[] {
    expect('(');
    const values = [take()];
    while (isAt('OR')) {
      next += 1;
      values.push(take());
    }
    expect(')');
    return values;
  }

  const filter = allOf();
  if (next < tokens.length) throw new Error(`unexpected token ${next + 1} in the filter: ${text}`);
  return filter;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  const end = text.trimEnd().length;
  while (pattern.lastIndex < end) {
    const at = pattern.lastIndex;
    const [, sign, quoted, word] = pattern.exec(text) ?? [];
    if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted.replaceAll(/\\(.)/g, '$1') });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else throw new Error(`character ${at + 1} of the filter cannot be read: ${text}`);
  }
  return tokens;
}

/** A comparison with a missing field is always false. */
function compare(entry: LogEntry, field: string, operator: string, value: Token): boolean {
  const found = fieldOf(entry, field);
  if (found === undefined) return false;
  if (operator === '=') return String(found) === value.text;
  if (operator === '!=') return String(found) !== value.text;
  const [left, right] =
    field === 'severity'
      ? [SEVERITIES.indexOf(String(found)), SEVERITIES.indexOf(value.text)]
      : [found, Number(value.text)];
  if (typeof left !== 'number' || Number.isNaN(right)) return false;
  switch (operator) {
    case '>=':
      return left >= right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '<':
      return left < right;
    default:
      throw new Error(`unknown operator ${operator} in the filter`);
  }
}

/** The value at a path such as `jsonPayload.view`; undefined if it does not exist. */
export function fieldOf(entry: LogEntry, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined,
      entry,
    );
}

/** The value that `EXTRACT(field)` extracts from an entry. Throws if the extractor has another form. */
export function extractField(entry: LogEntry, extractor: string): unknown {
  const [, path] = /^EXTRACT\(([\w.]+)\)$/.exec(extractor) ?? [];
  if (path === undefined) throw new Error(`${extractor} is not of the form EXTRACT(field)`);
  return fieldOf(entry, path);
}

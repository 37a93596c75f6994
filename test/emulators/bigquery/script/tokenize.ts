import { invalidQuery } from '../error.ts';

/** The place of a token. Both numbers begin at 1, as in the messages of GoogleSQL. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Token extends Position {
  readonly kind: 'word' | 'quoted' | 'string' | 'bytes' | 'number' | 'parameter' | 'system' | 'symbol';
  /** As written. */
  readonly text: string;
  /** The meaning: a name without backticks, a decoded string, bytes as hexadecimal digits, a parameter in lower case without `@`. */
  readonly value: string;
  /** The text of a word in upper case, or the text of a symbol; empty for other kinds. */
  readonly keyword: string;
  readonly start: number;
  readonly end: number;
}

const SPACE_OR_COMMENT = /(?:\s+|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const STRING_START = /(?:[rR][bB]?|[bB][rR]?)?("""|'''|"|')/y;
const QUOTED_NAME = /`(?:[^`\\]|\\[\s\S])*`/y;
const SYSTEM_VARIABLE = /@@[A-Za-z_][\w.]*/y;
const PARAMETER = /@[A-Za-z_]\w*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|(?<![\w`])\.\d+)(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_]\w*/y;
// `>>` is two symbols, since it usually ends two types.
const SYMBOL = /<=|>=|<>|!=|<<|\|\||=>|[-+*/%=<>(){}[\],.;:?~&|^@]/y;

const asWritten = (text: string): string => text;

/** The kinds of tokens except strings. The first pattern that matches counts. */
const PATTERNS: readonly {
  readonly kind: Token['kind'];
  readonly pattern: RegExp;
  readonly meaning: (text: string) => string;
}[] = [
  { kind: 'quoted', pattern: QUOTED_NAME, meaning: (text) => text.slice(1, -1).replaceAll('\\`', '`') },
  { kind: 'system', pattern: SYSTEM_VARIABLE, meaning: (text) => text.slice(2).toLowerCase() },
  { kind: 'parameter', pattern: PARAMETER, meaning: (text) => text.slice(1).toLowerCase() },
  { kind: 'number', pattern: NUMBER, meaning: asWritten },
  { kind: 'word', pattern: WORD, meaning: asWritten },
  { kind: 'symbol', pattern: SYMBOL, meaning: asWritten },
];

/**
 * The tokens of a text in GoogleSQL, without comments and white space: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical
 * @throws BigQueryError invalidQuery with the place of a character that begins no token.
 */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  const positionOf = positions(source);
  let offset = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = offset;
    return pattern.exec(source)?.[0];
  };
  const push = (kind: Token['kind'], text: string, value: string): void => {
    const keyword = kind === 'word' ? text.toUpperCase() : kind === 'symbol' ? text : '';
    const end = offset + text.length;
    tokens.push({ kind, text, value, keyword, start: offset, end, ...positionOf(offset) });
    offset = end;
  };
  for (;;) {
    offset += match(SPACE_OR_COMMENT)?.length ?? 0;
    if (offset >= source.length) return tokens;
    if (match(STRING_START) !== undefined) {
      const literal = readString(source, offset);
      if (!literal) throw syntaxError('Unclosed string literal', positionOf(offset));
      push(literal.bytes ? 'bytes' : 'string', literal.text, literal.value);
      continue;
    }
    const found = PATTERNS.find(({ pattern }) => match(pattern) !== undefined);
    const text = found && match(found.pattern);
    if (!found || text === undefined) {
      throw syntaxError(`Illegal input character "${source[offset]}"`, positionOf(offset));
    }
    push(found.kind, text, found.meaning(text));
  }
}

export function syntaxError(message: string, { line, column }: Position) {
  return invalidQuery(`Syntax error: ${message} at [${line}:${column}]`);
}

function positions(source: string): (offset: number) => Position {
  let line = 1;
  let lineStart = 0;
  let scanned = 0;
  return (offset) => {
    for (let next = source.indexOf('\n', scanned); next !== -1 && next < offset; ) {
      line += 1;
      lineStart = next + 1;
      scanned = lineStart;
      next = source.indexOf('\n', scanned);
    }
    return { line, column: offset - lineStart + 1 };
  };
}

interface StringLiteral {
  readonly text: string;
  readonly value: string;
  readonly bytes: boolean;
}

function readString(source: string, offset: number): StringLiteral | undefined {
  STRING_START.lastIndex = offset;
  const [opening = '', quote = ''] = STRING_START.exec(source) ?? [];
  const prefix = opening.slice(0, -quote.length).toLowerCase();
  const bodyStart = offset + opening.length;
  let end = bodyStart;
  while (!source.startsWith(quote, end)) {
    if (end >= source.length || (quote.length === 1 && source[end] === '\n')) return undefined;
    end += source[end] === '\\' ? 2 : 1;
  }
  const body = source.slice(bodyStart, end);
  const text = source.slice(offset, end + quote.length);
  if (!prefix.includes('b')) {
    return { text, value: prefix.includes('r') ? body : decode(body).toString(), bytes: false };
  }
  const value = prefix.includes('r') ? Buffer.from(body) : decode(body, true);
  return { text, value: value.toString('hex'), bytes: true };
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#escape_sequences */
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[xX]([0-9a-fA-F]{2})|([0-7]{3})|([\s\S]))/;
const CONTROL_CHARACTERS: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    a: '\x07',
    b: '\b',
    f: '\f',
    n: '\n',
    r: '\r',
    t: '\t',
    v: '\v',
  }),
);

/** `\x` and octal escapes are bytes in a bytes literal and code points in a string literal. */
function decode(body: string, asBytes = false): Buffer {
  const parts: Buffer[] = [];
  let rest = body;
  for (let found = ESCAPE.exec(rest); found; found = ESCAPE.exec(rest)) {
    const [written, utf16, utf32, hex, octal, character = ''] = found;
    parts.push(Buffer.from(rest.slice(0, found.index)));
    const byte = hex ? Number.parseInt(hex, 16) : octal ? Number.parseInt(octal, 8) : undefined;
    const codePoint = utf16 ?? utf32;
    if (codePoint) parts.push(Buffer.from(String.fromCodePoint(Number.parseInt(codePoint, 16))));
    else if (byte === undefined) parts.push(Buffer.from(CONTROL_CHARACTERS.get(character) ?? character));
    else parts.push(asBytes ? Buffer.of(byte) : Buffer.from(String.fromCodePoint(byte)));
    rest = rest.slice(found.index + written.length);
  }
  parts.push(Buffer.from(rest));
  return Buffer.concat(parts);
}

import type { Fragment } from './statement.ts';
import { type Position, syntaxError, type Token, tokenize } from './tokenize.ts';

const OPENERS = new Set(['(', '[', '{', 'CASE']);
const CLOSERS = new Set([')', ']', '}']);

/** Reads the tokens of a text from left to right. Keywords are compared in upper case. */
export class Cursor {
  readonly source: string;
  readonly #tokens: readonly Token[];
  #index = 0;

  constructor(source: string, tokens: readonly Token[] = tokenize(source)) {
    this.source = source;
    this.#tokens = tokens;
  }

  get done(): boolean {
    return this.#index >= this.#tokens.length;
  }

  /** The place of the next token, or the end of the text. */
  get at(): Position {
    const token = this.peek() ?? this.#tokens.at(-1);
    if (!token) return { line: 1, column: 1 };
    return this.done
      ? { line: token.line, column: token.column + token.text.length }
      : { line: token.line, column: token.column };
  }

  /** The offset of the next token in the source. */
  get start(): number {
    return this.peek()?.start ?? this.source.length;
  }

  /** The offset behind the last taken token. */
  get end(): number {
    return this.#tokens[this.#index - 1]?.end ?? 0;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#index + ahead];
  }

  /** Are these keywords next, in this order? */
  sees(...keywords: string[]): boolean {
    return keywords.every((keyword, ahead) => this.peek(ahead)?.keyword === keyword);
  }

  /** Takes these keywords if all of them are next. */
  take(...keywords: string[]): boolean {
    const taken = this.sees(...keywords);
    if (taken) this.#index += keywords.length;
    return taken;
  }

  /** Takes these keywords. @throws BigQueryError if they are not next. */
  expect(...keywords: string[]): void {
    for (const keyword of keywords) if (!this.take(keyword)) throw this.unexpected(`keyword ${keyword}`);
  }

  next(): Token {
    const token = this.peek();
    if (!token) throw this.unexpected('more');
    this.#index += 1;
    return token;
  }

  /** A name, with or without backticks. */
  identifier(): string {
    const token = this.peek();
    if (token?.kind !== 'word' && token?.kind !== 'quoted') throw this.unexpected('identifier');
    return this.next().value;
  }

  /** A path such as `project.dataset.table`, with any quoting: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#table_names */
  path(): string {
    const parts = [this.identifier()];
    // A project id may have dashes without backticks.
    while (this.sees('-') && this.peek(1)?.start === this.peek()?.end) {
      this.next();
      parts.push(`${parts.pop()}-${this.next().text}`);
    }
    while (this.take('.')) parts.push(this.identifier());
    return parts.join('.');
  }

  string(): string {
    const token = this.peek();
    if (token?.kind !== 'string') throw this.unexpected('string literal');
    return this.next().value;
  }

  /** Names between commas. */
  identifiers(): string[] {
    const names = [this.identifier()];
    while (this.take(',')) names.push(this.identifier());
    return names;
  }

  /**
   * The text before the first of these keywords, or before `;` or the end. Keywords inside of parentheses and of CASE do not count.
   * @throws BigQueryError if the text is empty or a parenthesis is not closed.
   */
  fragmentUntil(...keywords: string[]): Fragment {
    const { at, start } = this;
    let depth = 0;
    while (!this.done) {
      const keyword = this.peek()?.keyword ?? '';
      if (depth === 0 && (keyword === ';' || keywords.includes(keyword))) break;
      if (OPENERS.has(keyword)) depth += 1;
      else if (CLOSERS.has(keyword) || (keyword === 'END' && depth > 0)) depth -= 1;
      if (depth < 0) break;
      this.next();
    }
    if (this.start === start || depth > 0) throw this.unexpected('expression');
    return { text: this.source.slice(start, this.end), at };
  }

  /** The text between the parentheses that are next. */
  parenthesised(): Fragment {
    this.expect('(');
    const { at, start } = this;
    let depth = 1;
    while (depth > 0) {
      const { keyword } = this.next();
      if (keyword === '(') depth += 1;
      if (keyword === ')') depth -= 1;
    }
    return { text: this.source.slice(start, this.end - 1), at };
  }

  unexpected(wanted: string) {
    const token = this.peek();
    const found = token
      ? token.kind === 'word'
        ? `keyword ${token.keyword}`
        : `"${token.text}"`
      : 'end of script';
    return syntaxError(`Expected ${wanted} but got ${found}`, this.at);
  }
}

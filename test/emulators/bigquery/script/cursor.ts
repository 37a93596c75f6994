import type { Fragment } from './statement.ts';
import { type Position, syntaxError, type Token, tokenize } from './tokenize.ts';

const OPENERS = new Set(['(', '[', '{', 'CASE']);
const CLOSERS = new Set([')', ']', '}']);

/** Reads the tokens of one text from left to right. Keywords are compared in upper case. */
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

  /** Where the next token begins, or where the text ends. */
  get at(): Position {
    const token = this.peek() ?? this.#tokens.at(-1);
    if (!token) return { line: 1, column: 1 };
    return this.done
      ? { line: token.line, column: token.column + token.text.length }
      : { line: token.line, column: token.column };
  }

  /** The offset in the source at which the next token starts. */
  get start(): number {
    return this.peek()?.start ?? this.source.length;
  }

  /** The offset in the source at which the last taken token ended. */
  get end(): number {
    return this.#tokens[this.#index - 1]?.end ?? 0;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#index + ahead];
  }

  /** Do the next tokens have these keywords, in this order? */
  sees(...keywords: string[]): boolean {
    return keywords.every((keyword, ahead) => this.peek(ahead)?.keyword === keyword);
  }

  /** Takes these keywords if they come next, all or none. */
  take(...keywords: string[]): boolean {
    const taken = this.sees(...keywords);
    if (taken) this.#index += keywords.length;
    return taken;
  }

  /** @throws BigQueryError if these keywords do not come next. */
  expect(...keywords: string[]): void {
    for (const keyword of keywords) if (!this.take(keyword)) throw this.unexpected(`keyword ${keyword}`);
  }

  next(): Token {
    const token = this.peek();
    if (!token) throw this.unexpected('more');
    this.#index += 1;
    return token;
  }

  /** A name, in backticks or not. */
  identifier(): string {
    const token = this.peek();
    if (token?.kind !== 'word' && token?.kind !== 'quoted') throw this.unexpected('identifier');
    return this.next().value;
  }

  /** A path such as `project.dataset.table`, however it is quoted, with dots between its parts. */
  path(): string {
    const parts = [this.identifier()];
    // A project id may be written with dashes and without backticks.
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
   * The text up to, and without, the first of these keywords that stands outside of parentheses and of CASE.
   * @throws BigQueryError if the text is empty, or if the keyword is missing and `;` or the end is not allowed.
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

  /** The text between a parenthesis, which comes next, and its partner. */
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

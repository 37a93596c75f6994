import { dateText, datetimeText, timeText } from '../../model/calendar-text.ts';
import type { BigQueryType, Column } from '../../model/columns.ts';
import type { DecimalGroups } from '../../model/decimal-groups.ts';
import { BaseColumnWriter } from './base-column-writer.ts';
import type { RowBuffer } from './row-buffer.ts';

// The values of a JSON object as a load job reads them: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json

/** An opening brace. */
export const START_OF_ROW = 0x7b;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_PRINTABLE = 0x20;
const OPENING = 0x5b;
const CLOSING = 0x5d;
/** The longest escape, of a control character. */
const ESCAPED_BYTES = 6;
/** Longer values are written in pieces of so many bytes: room for every byte's escape would be too much. A multiple of three, which base64 writes without padding. */
const PIECE_BYTES = 49_152;
const ESCAPES = Array.from({ length: FIRST_PRINTABLE }, (_, code) =>
  JSON.stringify(String.fromCharCode(code)).slice(1, -1),
);
/** Beyond, a number may lose digits where it is read as a double. */
const EXACT_NUMBERS = 2 ** 53;

/** Writes the values of a column into JSON objects, which begin with START_OF_ROW. */
export class JsonColumn extends BaseColumnWriter {
  readonly #rows: RowBuffer;
  readonly #type: BigQueryType;
  readonly #mode: Column['mode'];
  readonly #name: Buffer;
  #isFirstElement = true;

  constructor(rows: RowBuffer, { name, type, mode }: Column) {
    super();
    this.#rows = rows;
    this.#type = type;
    this.#mode = mode;
    this.#name = Buffer.from(`${JSON.stringify(name)}:`);
  }

  override null(): void {
    if (this.#mode === 'REQUIRED') throw new RangeError('a required column has no NULL');
    this.#writeName();
    this.#rows.ascii(this.#mode === 'REPEATED' ? '[]' : 'null');
  }

  override absent(): void {}

  override beginArray(): void {
    this.#writeName();
    this.#rows.byte(OPENING);
    this.#isFirstElement = true;
  }
  override endArray(): void {
    this.#rows.byte(CLOSING);
  }

  override integer(value: number): void {
    this.#beginValue();
    if (this.#type === 'INT64') this.#rows.ascii(String(value));
    else this.#rows.ascii(`"${this.#calendarText(value)}"`);
  }
  override bigint(value: bigint): void {
    this.#beginValue();
    const isExact = value >= -EXACT_NUMBERS && value <= EXACT_NUMBERS;
    if (this.#type !== 'INT64') this.#rows.ascii(`"${this.#calendarText(value)}"`);
    else this.#rows.ascii(isExact ? String(value) : `"${value}"`);
  }
  override float(value: number): void {
    this.#beginValue();
    // A load job may read the number -0 as an integer, which has no sign.
    const isPlain = Number.isFinite(value) && !Object.is(value, -0);
    this.#rows.ascii(isPlain ? String(value) : Object.is(value, -0) ? '"-0.0"' : `"${value}"`);
  }
  override boolean(value: boolean): void {
    this.#beginValue();
    this.#rows.ascii(String(value));
  }
  override decimal(value: DecimalGroups): void {
    this.#beginValue();
    this.#rows.ascii(`"${value}"`);
  }
  override text(buffer: Buffer, from: number, to: number): void {
    this.#beginValue();
    if (this.#type === 'JSON') this.#rows.copy(buffer, from, to);
    else this.#string(buffer, from, to);
  }
  override bytes(buffer: Buffer, from: number, to: number): void {
    this.#beginValue();
    this.#rows.byte(QUOTE);
    for (let at = from; at < to; at += PIECE_BYTES)
      this.#rows.ascii(buffer.toString('base64', at, Math.min(to, at + PIECE_BYTES)));
    this.#rows.byte(QUOTE);
  }

  #beginValue(): void {
    if (this.#mode !== 'REPEATED') this.#writeName();
    else if (this.#isFirstElement) this.#isFirstElement = false;
    else this.#rows.byte(COMMA);
  }

  #writeName(): void {
    if (this.#rows.bytes[this.#rows.at - 1] !== START_OF_ROW) this.#rows.byte(COMMA);
    this.#rows.copy(this.#name, 0, this.#name.length);
  }

  #calendarText(value: number | bigint): string {
    switch (this.#type) {
      case 'DATE':
        return dateText(Number(value));
      case 'TIME':
        return timeText(Number(value));
      case 'DATETIME':
        return datetimeText(value);
      case 'TIMESTAMP':
        return `${datetimeText(value)}+00:00`;
      default:
        throw new RangeError(`a ${this.#type} is no integer`);
    }
  }

  #string(buffer: Buffer, from: number, to: number): void {
    // At once for all of a long text, as if it had few escapes.
    this.#rows.reserve(to - from + Math.min(to - from, PIECE_BYTES) * ESCAPED_BYTES + 2);
    this.#rows.bytes[this.#rows.at++] = QUOTE;
    for (let at = from; at < to; at += PIECE_BYTES) this.#escape(buffer, at, Math.min(to, at + PIECE_BYTES));
    this.#rows.byte(QUOTE);
  }

  /** Byte by byte, wherever UTF-8 is cut: no byte of a longer character is one to be escaped. */
  #escape(buffer: Buffer, from: number, to: number): void {
    this.#rows.reserve((to - from) * ESCAPED_BYTES);
    const { bytes } = this.#rows;
    let at = this.#rows.at;
    for (let i = from; i < to; i += 1) {
      const byte = buffer[i] as number;
      if (byte === QUOTE || byte === BACKSLASH) bytes[at++] = BACKSLASH;
      if (byte >= FIRST_PRINTABLE) bytes[at++] = byte;
      else at += bytes.write(ESCAPES[byte] as string, at, 'latin1');
    }
    this.#rows.at = at;
  }
}

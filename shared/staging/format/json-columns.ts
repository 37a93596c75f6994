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
/** Longer texts are escaped at once: room for every byte's escape would be too much. */
const LONG_BYTES = 65_536;
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
    this.#rows.ascii(`"${buffer.toString('base64', from, to)}"`);
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
    if (to - from > LONG_BYTES) {
      const long = Buffer.from(JSON.stringify(buffer.toString('utf8', from, to)));
      this.#rows.copy(long, 0, long.length);
      return;
    }
    this.#rows.reserve((to - from) * ESCAPED_BYTES + 2);
    const { bytes } = this.#rows;
    let at = this.#rows.at;
    bytes[at++] = QUOTE;
    for (let i = from; i < to; i += 1) {
      const byte = buffer[i] as number;
      if (byte === QUOTE || byte === BACKSLASH) bytes[at++] = BACKSLASH;
      if (byte >= FIRST_PRINTABLE) bytes[at++] = byte;
      else at += bytes.write(JSON.stringify(String.fromCharCode(byte)).slice(1, -1), at, 'latin1');
    }
    bytes[at++] = QUOTE;
    this.#rows.at = at;
  }
}

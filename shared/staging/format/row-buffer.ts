import { RowTooLong } from '../../model/row-too-long.ts';

/** Shorter values are copied byte by byte: a call of `copy` costs more. */
const SHORT_BYTES = 24;
const SAFE_ZIGZAG = 2 ** 52;
/** Values ask for more room than they turn out to need, by less than this. */
const SPARE_BYTES = 1_000_000;

/** The bytes of rows, which grow at their end. */
export class RowBuffer {
  bytes: Buffer;
  at = 0;
  /** Where the last row starts. */
  rowStart = 0;
  readonly #capacity: number;
  readonly maxRowBytes: number;

  constructor(capacity: number, maxRowBytes = Number.POSITIVE_INFINITY) {
    this.#capacity = capacity;
    this.maxRowBytes = maxRowBytes;
    this.bytes = Buffer.allocUnsafe(capacity);
  }

  /** Makes room for so many more bytes. Throws `RowTooLong` instead of making room for a row that no format can have. */
  reserve(count: number): void {
    const needed = this.at + count;
    if (needed <= this.bytes.length) return;
    const most = this.rowStart + this.maxRowBytes + SPARE_BYTES;
    if (needed > most) throw new RowTooLong();
    const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(this.bytes.length * 2, most)));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  /** The bytes so far, which are the caller's from then on. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.at);
    this.bytes = Buffer.allocUnsafe(this.#capacity);
    this.at = 0;
    this.rowStart = 0;
    return taken;
  }

  byte(value: number): void {
    if (this.at === this.bytes.length) this.reserve(1);
    this.bytes[this.at++] = value;
  }

  copy(buffer: Buffer, from: number, to: number): void {
    const length = to - from;
    this.reserve(length);
    const { bytes, at } = this;
    if (length > SHORT_BYTES) buffer.copy(bytes, at, from, to);
    else for (let i = 0; i < length; i += 1) bytes[at + i] = buffer[from + i] as number;
    this.at = at + length;
  }

  ascii(text: string): void {
    this.reserve(text.length);
    for (let i = 0; i < text.length; i += 1) this.bytes[this.at + i] = text.charCodeAt(i);
    this.at += text.length;
  }

  double(value: number): void {
    this.reserve(8);
    this.at = this.bytes.writeDoubleLE(value, this.at);
  }

  /** A whole number from 0 to 2^53 in groups of seven bits, the lowest first. */
  varint(value: number): void {
    this.reserve(8);
    const { bytes } = this;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      bytes[this.at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      bytes[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[this.at++] = rest;
  }

  /** An unsigned 64-bit integer in groups of seven bits. */
  bigVarint(value: bigint): void {
    this.reserve(10);
    let rest = value;
    while (rest > 127n) {
      this.bytes[this.at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.bytes[this.at++] = Number(rest);
  }

  /** A signed integer whose sign is its lowest bit, as Avro writes all integers. */
  zigzag(value: number): void {
    if (value < SAFE_ZIGZAG && value >= -SAFE_ZIGZAG) this.varint(value >= 0 ? value * 2 : -value * 2 - 1);
    else this.bigZigzag(BigInt(value));
  }

  bigZigzag(value: bigint): void {
    this.bigVarint(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
  }
}

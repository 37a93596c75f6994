import type { ColumnWriter, RowAction, RowBlock, RowWriter } from '../../model/column-writer.ts';
import { MAX_COPIED_ROW_BYTES } from '../../model/row-limits.ts';
import { RowTooLong } from '../../model/row-too-long.ts';
import { CapturedValue } from './captured-value.ts';
import type { ColumnPlan } from './column-plan.ts';
import { type KeyProof, keyProof } from './key-proof.ts';
import { JSON_NULL, longRow } from './reasons.ts';
import { Refusals } from './refusals.ts';
import { NULL_LENGTH, TupleReader } from './tuple-reader.ts';

/** The fields of a COPY: those of the columns, then those that are only counted, and the action if rows differ in it. */
export type CopyShape = {
  columns: readonly ColumnPlan[];
  /** The place of the key among the columns. */
  keyIndex: number;
  /** Whether the key is an integer. */
  isIntegerKey: boolean;
  /** Whether the COPY has the key alone, as the rows of deletes have. */
  isKeyOnly: boolean;
  /** The action of all rows; null if the last field tells it. */
  action: RowAction | null;
};

/** How many values of each column arrived as something else. */
export type Replaced = { unrepresentable: number[]; nullArray: number[] };

/** A row that is too long for a format. */
export type LongRow = { key: string | null };

/** Instead of a field, for a column that the COPY does not have. */
const ABSENT = -1;

type CountedField = { index: number; plan: NonNullable<ColumnPlan['counted']> };

/** Encodes the tuples of one binary COPY. */
export class TupleEncoder {
  readonly refusals: Refusals;
  readonly replaced: Replaced;
  /** Of the keys of all rows. A row without one is not written. */
  readonly keyProof: KeyProof;
  /** The first row that was too long for the format of the writer. */
  longRow: LongRow | null = null;
  readonly #rows: CopyShape;
  readonly #maxRowBytes: number;
  readonly #reader: TupleReader;
  readonly #writer: RowWriter;
  readonly #key = new CapturedValue();
  readonly #ignored = new CapturedValue();
  readonly #counted: readonly CountedField[];
  /** The field of each column. */
  readonly #fields: readonly number[];
  readonly #firstCounted: number;
  readonly #actionField: number;

  constructor(rows: CopyShape, writer: RowWriter, maxRowBytes = MAX_COPIED_ROW_BYTES) {
    const { columns, keyIndex, isIntegerKey, isKeyOnly, action } = rows;
    this.keyProof = keyProof(isIntegerKey);
    this.#rows = rows;
    this.#maxRowBytes = maxRowBytes;
    this.#writer = writer;
    this.#fields = columns.map((_, index) => (!isKeyOnly ? index : index === keyIndex ? 0 : ABSENT));
    const copied = isKeyOnly ? 1 : columns.length;
    this.#counted = columns.flatMap(({ counted }, index) =>
      counted === null || isKeyOnly ? [] : [{ index, plan: counted }],
    );
    this.#firstCounted = copied;
    this.#actionField = copied + this.#counted.length;
    this.#reader = new TupleReader(
      this.#actionField + (action === null ? 1 : 0),
      this.#fields[keyIndex] as number,
      maxRowBytes,
    );
    this.refusals = new Refusals(columns.length);
    this.replaced = { unrepresentable: columns.map(() => 0), nullArray: columns.map(() => 0) };
  }

  /**
   * Yields the rows in blocks as the chunks of the COPY arrive. After the first value that stops the batch, or a row that is too long, it yields no more, but
   * judges the rest: `refusals` then has what an operator needs.
   */
  async *blocks(chunks: AsyncIterable<Buffer>): AsyncGenerator<RowBlock> {
    const reader = this.#reader;
    const writer = this.#writer;
    for await (const chunk of chunks) {
      reader.push(chunk);
      while (reader.next()) {
        this.#takeRow();
        if (writer.isFull()) {
          const block = writer.takeBlock();
          if (block !== null) yield block;
        }
      }
    }
    reader.assertEnded();
    const last = writer.takeBlock();
    if (last !== null && !this.#isStopped) yield last;
  }

  get #isStopped(): boolean {
    return this.longRow !== null || !this.refusals.isEmpty;
  }

  #takeRow(): void {
    const { longBytes } = this.#reader;
    if (longBytes > 0) {
      this.refusals.addRow(this.#keyText(), longRow(longBytes, this.#maxRowBytes));
      return;
    }
    try {
      this.#encodeRow();
    } catch (error) {
      if (!(error instanceof RowTooLong)) throw error;
      this.#writer.dropRow();
      this.longRow ??= { key: this.#keyText() };
    }
  }

  #encodeRow(): void {
    const { columns, keyIndex, action } = this.#rows;
    const writer = this.#writer;
    const { buffer, starts, lengths } = this.#reader;
    const writers = writer.columns;
    const fields = this.#fields;
    writer.beginRow();
    const hasKey = this.#noteKey();
    for (let i = 0; i < columns.length; i += 1) {
      const plan = columns[i] as ColumnPlan;
      const target = writers[i] as ColumnWriter;
      const field = fields[i] as number;
      if (field === ABSENT) {
        target.absent();
        continue;
      }
      const length = lengths[field] as number;
      if (length === NULL_LENGTH) {
        if (hasKey || i !== keyIndex) this.#encodeNull(plan, i, target);
        continue;
      }
      const mark = writer.mark();
      const reason = plan.decode(buffer, starts[field] as number, length, target);
      if (reason === null) {
        this.refusals.noteFit(i);
        continue;
      }
      writer.rewind(mark);
      if (reason === JSON_NULL) target.null();
      else if (plan.policy === 'null') {
        this.#count('unrepresentable', i);
        target.null();
      } else {
        this.refusals.add(i, this.#keyText(), reason);
      }
    }
    for (let c = 0; c < this.#counted.length; c += 1) this.#countText(c);
    if (this.#isStopped || !hasKey) writer.dropRow();
    else writer.endRow(action ?? this.#actionOfRow());
  }

  #noteKey(): boolean {
    const field = this.#fields[this.#rows.keyIndex] as number;
    const { buffer, starts, lengths } = this.#reader;
    const length = lengths[field] as number;
    if (length === NULL_LENGTH) this.keyProof.addNull();
    else this.keyProof.add(buffer, starts[field] as number, length);
    return length !== NULL_LENGTH;
  }

  #encodeNull(plan: ColumnPlan, index: number, target: ColumnWriter): void {
    if (plan.nullStops !== null) {
      this.refusals.add(index, this.#keyText(), plan.nullStops);
      return;
    }
    if (plan.isNullReplaced) this.#count('nullArray', index);
    if (plan.fallback === null) target.null();
    else plan.fallback(target);
  }

  #count(why: keyof Replaced, index: number): void {
    const counts = this.replaced[why];
    counts[index] = (counts[index] ?? 0) + 1;
  }

  /** Counts a value that stands in its row as text because BigQuery cannot hold it otherwise. */
  #countText(counted: number): void {
    const { index, plan } = this.#counted[counted] as CountedField;
    const { buffer, starts, lengths } = this.#reader;
    const field = this.#firstCounted + counted;
    const length = lengths[field] as number;
    if (length === NULL_LENGTH) return;
    const reason = plan.decode(buffer, starts[field] as number, length, this.#ignored);
    if (reason !== null && reason !== JSON_NULL) this.#count('unrepresentable', index);
  }

  #actionOfRow(): RowAction {
    const { buffer, starts, lengths } = this.#reader;
    const from = starts[this.#actionField] as number;
    return buffer.toString('latin1', from, from + (lengths[this.#actionField] as number)) as RowAction;
  }

  #keyText(): string | null {
    const { columns, keyIndex } = this.#rows;
    const { buffer, starts, lengths } = this.#reader;
    const field = this.#fields[keyIndex] as number;
    const length = lengths[field] as number;
    if (length === NULL_LENGTH) return null;
    columns[keyIndex]?.decode(buffer, starts[field] as number, length, this.#key);
    return this.#key.shown;
  }
}

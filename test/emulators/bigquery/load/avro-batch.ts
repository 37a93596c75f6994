import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import { type DuckDBType, type DuckDBValue, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import type { Session } from '../engine.ts';
import { type Field, typeName } from '../field.ts';
import { AvroProblem } from './avro-blocks.ts';
import type { AvroColumn } from './avro-schema.ts';
import { STAGED } from './avro-values.ts';

/** The rows of a chunk of DuckDB. */
const MAX_ROWS = 2048;

/** The types of the columns of a batch. */
export function batchTypes(fields: readonly Field[]): DuckDBType[] {
  return fields.map(({ type, mode }) => (mode === 'REPEATED' ? LIST(STAGED[type]) : STAGED[type]));
}

/** Decoded rows that are not in the table yet. */
export class AvroBatch {
  readonly #session: Session;
  readonly #append: (columns: readonly DuckDBValue[][]) => void;
  readonly #fields: readonly Field[];
  /** The column of the file for each field of the table. */
  readonly #columns: readonly (AvroColumn | undefined)[];
  #values: DuckDBValue[][];
  /** All rows so far. */
  rows = 0;

  constructor(
    session: Session,
    append: (columns: readonly DuckDBValue[][]) => void,
    fields: readonly Field[],
    columns: readonly AvroColumn[],
  ) {
    this.#session = session;
    this.#append = append;
    this.#fields = fields;
    this.#columns = fields.map((field) => columns.find(({ name }) => name === field.name));
    this.#values = fields.map(() => []);
  }

  get isFull(): boolean {
    return (this.#values[0]?.length ?? 0) >= MAX_ROWS;
  }

  /**
   * Answers whether a text has U+FFFD, which avsc also puts in place of bytes that are no UTF-8.
   * @throws AvroProblem for a value that its column cannot hold.
   */
  add(row: Readonly<Record<string, unknown>>): boolean {
    this.rows += 1;
    let replaced = false;
    for (let index = 0; index < this.#columns.length; index += 1) {
      const column = this.#columns[index];
      const value = column && row[column.name];
      replaced ||= hasReplacement(value);
      this.#values[index]?.push(column ? convert(column, value) : absent(this.#fields[index]));
    }
    return replaced;
  }

  async flush(): Promise<void> {
    if (this.#values[0]?.length === 0) return;
    const columns = this.#values;
    this.#values = this.#fields.map(() => []);
    for (const [index, field] of this.#fields.entries()) {
      if (field.type === 'JSON') columns[index] = await this.#normalised(field, columns[index] ?? []);
    }
    this.#append(columns);
    // Decoding and appending occupy the thread, and the emulator has other calls to answer.
    await setImmediate();
  }

  /** JSON as DuckDB writes it, so that equal values are equal texts however they were loaded. */
  async #normalised({ mode }: Field, values: readonly DuckDBValue[]): Promise<DuckDBValue[]> {
    const [type, text] =
      mode === 'REPEATED'
        ? [LIST(VARCHAR), 'list_transform(v, lambda e: json(e)::varchar)']
        : [VARCHAR, 'json(v)::varchar'];
    const { rows } = await this.#session.query(`select ${text} from (select unnest($values) as v)`, {
      values: { type: LIST(type), value: listValue(values) },
    });
    return rows.map(([value]) => value ?? null);
  }
}

function convert(column: AvroColumn, value: unknown): DuckDBValue {
  if (column.mode === 'REPEATED')
    return listValue((value as unknown[]).map((element) => single(column, element)));
  return value === null ? null : single(column, value);
}

function single(column: AvroColumn, value: unknown): DuckDBValue {
  const converted = value === null ? undefined : column.convert(value);
  if (converted === undefined) throw unfit(column, value);
  return converted;
}

function hasReplacement(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\ufffd');
  return Array.isArray(value) && value.some(hasReplacement);
}

/** @throws AvroProblem for bytes that are no UTF-8, in a row whose strings were read as bytes. */
export function checkUtf8(columns: readonly AvroColumn[], row: Readonly<Record<string, unknown>>): void {
  for (const column of columns) {
    if (column.type !== 'STRING' && column.type !== 'JSON') continue;
    const value = row[column.name];
    const bad = (Array.isArray(value) ? value : [value]).find(
      (bytes) => Buffer.isBuffer(bytes) && !isUtf8(bytes),
    );
    if (bad) throw unfit(column, bad);
  }
}

function unfit(column: AvroColumn, value: unknown): AvroProblem {
  const shown = Buffer.isBuffer(value) ? `0x${value.toString('hex')}` : String(value);
  return new AvroProblem(
    `Could not convert value to ${typeName(column).toLowerCase()}. Field: ${column.name}; Value: ${shown.slice(0, 100)}.`,
  );
}

/** The value of a column that the file has not. */
function absent(field: Field | undefined): DuckDBValue {
  return field?.mode === 'REPEATED' ? listValue([]) : null;
}

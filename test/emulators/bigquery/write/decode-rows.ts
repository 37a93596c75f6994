import { type DuckDBValue, listValue } from '@duckdb/node-api';
import protobuf from 'protobufjs';
import type { RowField, RowFormat } from './row-format.ts';
import { sequenceKey } from './sequence-number.ts';
import type { RowError } from './write-protocol.ts';

/** The rows of a request that are not refused, column by column. */
export interface DecodedRows {
  /** The values of each column of the format. A missing value is NULL, or an empty list in a repeated field. */
  readonly columns: readonly DuckDBValue[][];
  /** The place of each row in the request. */
  readonly positions: number[];
  /** Is the row a DELETE? */
  readonly deletes: boolean[];
  /** Sequence numbers as texts that sort in their order, or NULL. */
  readonly sequences: (string | null)[];
  /** Why rows were refused. */
  readonly errors: RowError[];
}

/** The values of a row's pseudo columns. */
interface Change {
  type?: string;
  sequenceNumber?: string;
}

const LENGTH_DELIMITED = 2;

/**
 * Reads the rows that one connection sends in one format. Either all rows have a sequence number or none has; BigQuery calls the order
 * of a mixture unpredictable, the emulator refuses it: https://cloud.google.com/bigquery/docs/change-data-capture#manage_custom_ordering
 */
export class RowDecoder {
  readonly #format: RowFormat;
  #sequenced: boolean | undefined;

  constructor(format: RowFormat) {
    this.#format = format;
  }

  decode(rows: readonly Buffer[]): DecodedRows {
    const decoded: DecodedRows = {
      columns: this.#format.columns.map(() => []),
      positions: [],
      deletes: [],
      sequences: [],
      errors: [],
    };
    for (const [index, row] of rows.entries()) {
      try {
        this.#decodeRow(row, decoded);
        decoded.positions.push(index);
      } catch (error) {
        if (!(error instanceof Error) || error instanceof TypeError) throw error;
        decoded.errors.push({ index, code: 'FIELDS_ERROR', message: error.message });
      }
    }
    // A refused last row may have left values behind.
    for (const values of decoded.columns) values.length = decoded.positions.length;
    return decoded;
  }

  /** Adds one row behind the complete rows. @throws Error saying why the row is refused. */
  #decodeRow(row: Buffer, { columns, positions, deletes, sequences }: DecodedRows): void {
    const at = positions.length;
    for (const values of columns) values[at] = null;
    const change: Change = {};
    const lists: DuckDBValue[][] = [];
    const reader = protobuf.Reader.create(row);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const known = this.#format.fields.get(tag >>> 3);
      if (!known) throw new Error(`Field number ${tag >>> 3} is not in the writer schema`);
      const { field, target } = known;
      if (target === 'changeType') change.type = readText(reader, tag & 7, field);
      else if (target === 'sequenceNumber') change.sequenceNumber = readText(reader, tag & 7, field);
      else if (field.repeated) {
        lists[target] = readElements(reader, tag & 7, field, lists[target] ?? []);
      } else (columns[target] ?? [])[at] = readValue(reader, tag & 7, field);
    }
    for (const [index, { repeated, required, name }] of this.#format.columns.entries()) {
      const values = columns[index] ?? [];
      if (repeated) values[at] = listValue(lists[index] ?? []);
      else if (required && values[at] === null)
        throw new Error(`Field ${name}: required, but missing in the row`);
    }
    const [isDelete, sequence] = [this.#isDelete(change), this.#sequence(change)];
    deletes.push(isDelete);
    sequences.push(sequence);
  }

  /** https://cloud.google.com/bigquery/docs/change-data-capture#specify_changes_to_existing_records */
  #isDelete({ type }: Change): boolean {
    if (type !== 'UPSERT' && type !== 'DELETE') {
      throw new Error(`Field _CHANGE_TYPE: must be UPSERT or DELETE, and is ${type ?? 'missing'}`);
    }
    return type === 'DELETE';
  }

  #sequence({ sequenceNumber }: Change): string | null {
    const key = sequenceNumber === undefined ? null : sequenceKey(sequenceNumber);
    if (key === undefined) {
      throw new Error(`Field _CHANGE_SEQUENCE_NUMBER: not a valid sequence number: ${sequenceNumber}`);
    }
    this.#sequenced ??= key !== null;
    if (this.#sequenced !== (key !== null)) {
      throw new Error('Field _CHANGE_SEQUENCE_NUMBER: must be in every row of a connection, or in none');
    }
    return key;
  }
}

function readText(reader: protobuf.Reader, wireType: number, field: RowField): string {
  return String(readValue(reader, wireType, field));
}

function readValue(reader: protobuf.Reader, wireType: number, { name, type }: RowField): DuckDBValue {
  if (wireType !== type.wireType)
    throw new Error(`Field ${name}: wire type ${wireType} is not that of ${type.name}`);
  try {
    return type.read(reader);
  } catch (error) {
    throw new Error(`Field ${name}: not a value of ${type.name}`, { cause: error });
  }
}

/** The elements, followed by another one or by several packed ones. */
function readElements(
  reader: protobuf.Reader,
  wireType: number,
  field: RowField,
  elements: DuckDBValue[],
): DuckDBValue[] {
  const { wireType: ofElement } = field.type;
  if (wireType !== LENGTH_DELIMITED || ofElement === LENGTH_DELIMITED) {
    elements.push(readValue(reader, wireType, field));
    return elements;
  }
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new Error(`Field ${field.name}: its elements end too early`);
  while (reader.pos < end) elements.push(readValue(reader, ofElement, field));
  return elements;
}

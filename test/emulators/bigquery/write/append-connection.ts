import { isDeepStrictEqual } from 'node:util';
import { status } from '@grpc/grpc-js';
import type { Table } from '../catalog.ts';
import type { Session } from '../engine.ts';
import { displayName } from '../names.ts';
import type { Warehouse } from '../statement/statement-context.ts';
import { RowDecoder } from './decode-rows.ts';
import { type RowFormat, rowFormat } from './row-format.ts';
import { stageRows, unfitRows } from './staged-rows.ts';
import { storageSchemaOf } from './table-schema.ts';
import { invalidArgument, type StatusName, unimplemented } from './write-error.ts';
import type {
  AppendRowsRequest,
  AppendRowsResponse,
  MissingValueInterpretation,
  RowDescriptor,
  RowError,
  SizedRequest,
} from './write-protocol.ts';
import { appendRows, applyChanges } from './write-rows.ts';
import { tableOfStream } from './write-stream.ts';

const MAX_REQUEST_BYTES = 20_000_000;

/** What the rows of a request are, and where they go. */
interface Destination {
  readonly writeStream: string;
  readonly descriptor: RowDescriptor;
  readonly missingValues: {
    readonly ofColumns: AppendRowsRequest['missingValueInterpretations'];
    readonly ofOthers: MissingValueInterpretation;
  };
}

/** How rows are read, for as long as their destination and the table's layout stay the same. */
interface Reading {
  readonly destination: Destination;
  readonly format: RowFormat;
  readonly decoder: RowDecoder;
}

/** The requests of one connection to default streams. They must come one after the other. */
export class AppendConnection {
  readonly #warehouse: Warehouse;
  #session: Session | undefined;
  #reading: Reading | undefined;

  constructor(warehouse: Warehouse) {
    this.#warehouse = warehouse;
  }

  /**
   * Writes all rows of a request or none; once it resolves without `error`, queries see them and a restart finds them.
   * @throws WriteError, or BigQueryError notFound for the table, that ends the connection.
   */
  async append({ request, bytes }: SizedRequest): Promise<AppendRowsResponse> {
    checkRequest(request, bytes);
    const before = this.#reading;
    const reading = this.#readingOf(request);
    const { writeStream } = reading.destination;
    const errors = await this.#write(reading, request.protoRows?.rows?.serializedRows ?? []);
    return {
      ...(errors.length === 0 ? { appendResult: {} } : refusedRows(errors, writeStream)),
      ...(hasNewColumns(before, reading) && { updatedSchema: storageSchemaOf(reading.format.table.fields) }),
      writeStream,
    };
  }

  /** The answer to a request that is refused while the connection stays. */
  refusal(statusName: StatusName, message: string): AppendRowsResponse {
    const writeStream = this.#reading?.destination.writeStream ?? '';
    return { error: { code: status[statusName], message }, writeStream };
  }

  /** Nothing may be under way. */
  close(): void {
    this.#session?.close();
  }

  #readingOf(request: AppendRowsRequest): Reading {
    const before = this.#reading;
    const destination = destinationOf(request, before?.destination);
    const table = this.#warehouse.catalog.table(tableOfStream(destination.writeStream));
    if (
      before &&
      sameLayout(before.format.table, table) &&
      isDeepStrictEqual(destination, before.destination)
    ) {
      return before;
    }
    const { ofColumns, ofOthers } = destination.missingValues;
    const format = rowFormat(
      destination.descriptor,
      table,
      (column) => (ofColumns[column] ?? ofOthers) === 'DEFAULT_VALUE',
    );
    if (before && (before.format.key === undefined) !== (format.key === undefined)) {
      throw invalidArgument('A connection cannot send both plain rows and rows with a _CHANGE_TYPE');
    }
    this.#reading = { destination, format, decoder: new RowDecoder(format) };
    return this.#reading;
  }

  /** What is wrong with the rows; if nothing is, they are written. */
  async #write({ format, decoder }: Reading, rows: readonly Buffer[]): Promise<RowError[]> {
    const { catalog, engine, mutations } = this.#warehouse;
    this.#session ??= await engine.connect();
    const session = this.#session;
    const decoded = decoder.decode(rows);
    await stageRows(session, format, decoded);
    const errors = [...decoded.errors, ...(await unfitRows(session, format))];
    if (errors.length > 0) return errors.sort((a, b) => a.index - b.index);
    const { key, table } = format;
    if (key === undefined) await appendRows(session, format);
    else {
      await mutations.alone(displayName(table.reference), async () => {
        await catalog.markUpsertStream(table.reference);
        await applyChanges(session, format, key);
      });
    }
    return [];
  }
}

function checkRequest({ offset, arrowRows }: AppendRowsRequest, bytes: number): void {
  if (bytes > MAX_REQUEST_BYTES) {
    throw invalidArgument(
      `The request of ${bytes} bytes is larger than the maximum of ${MAX_REQUEST_BYTES} bytes`,
    );
  }
  if (offset) throw invalidArgument('An offset is not allowed when appending to the _default stream');
  if (arrowRows) throw unimplemented('rows in Arrow format');
}

/** Later requests may leave out what the one before them said. */
function destinationOf(request: AppendRowsRequest, before: Destination | undefined): Destination {
  const writeStream = request.writeStream || before?.writeStream;
  if (!writeStream) throw invalidArgument('The first request of a connection must have a write_stream');
  const descriptor =
    request.protoRows?.writerSchema?.protoDescriptor ??
    (writeStream === before?.writeStream ? before.descriptor : undefined);
  if (!descriptor) {
    throw invalidArgument(`The first request to a stream must have a writer_schema. Entity: ${writeStream}`);
  }
  const { missingValueInterpretations, defaultMissingValueInterpretation: given } = request;
  const ofOthers =
    given === 'MISSING_VALUE_INTERPRETATION_UNSPECIFIED' ? (before?.missingValues.ofOthers ?? given) : given;
  return { writeStream, descriptor, missingValues: { ofColumns: missingValueInterpretations, ofOthers } };
}

/** Does the same descriptor fit both in the same way? */
function sameLayout(a: Table, b: Table): boolean {
  return (
    a.fields === b.fields &&
    a.tableConstraints === b.tableConstraints &&
    a.timePartitioning === b.timePartitioning
  );
}

/** Of the table that the connection wrote to before. */
function hasNewColumns(before: Reading | undefined, now: Reading): boolean {
  return (
    before?.destination.writeStream === now.destination.writeStream &&
    !isDeepStrictEqual(before.format.table.fields, now.format.table.fields)
  );
}

function refusedRows(
  rowErrors: readonly RowError[],
  writeStream: string,
): Pick<AppendRowsResponse, 'error' | 'rowErrors'> {
  const message = `Errors found while processing rows. Please refer to the row_errors field for details. The list may not be complete because of the size limitations. Entity: ${writeStream}`;
  return { error: { code: status.INVALID_ARGUMENT, message }, rowErrors };
}

import { isDeepStrictEqual } from 'node:util';
import { status } from '@grpc/grpc-js';
import type { Table } from '../catalog.ts';
import type { Session } from '../engine.ts';
import { displayName } from '../names.ts';
import type { Warehouse } from '../statement/statement-context.ts';
import { RowDecoder } from './decode-rows.ts';
import type { KnownSchemas } from './known-schemas.ts';
import { type RowFormat, rowFormat } from './row-format.ts';
import { stageRows, unfitRows } from './staged-rows.ts';
import { tableSchema } from './table-schema.ts';
import { errorDetails, invalidArgument, type StatusName, unimplemented } from './write-error.ts';
import type {
  AppendRowsRequest,
  AppendRowsResponse,
  RowDescriptor,
  RowError,
  SizedRequest,
} from './write-protocol.ts';
import { applyChanges } from './write-rows.ts';
import { tableOfStream } from './write-stream.ts';

/** https://cloud.google.com/bigquery/quotas#write-api-limits */
const MAX_REQUEST_BYTES = 20_000_000;

/** The layout of the rows of a request, and the stream that they go to. */
interface Destination {
  readonly writeStream: string;
  readonly descriptor: RowDescriptor;
}

/** How to read rows, as long as their destination and the layout of the table stay the same. */
interface Reading {
  readonly destination: Destination;
  readonly format: RowFormat;
  readonly decoder: RowDecoder;
}

/** The requests of one connection to default streams. The caller sends them one after the other. */
export class AppendConnection {
  readonly #warehouse: Warehouse;
  readonly #schemas: KnownSchemas;
  #session: Session | undefined;
  #reading: Reading | undefined;

  constructor(warehouse: Warehouse, schemas: KnownSchemas) {
    this.#warehouse = warehouse;
    this.#schemas = schemas;
  }

  /**
   * Writes all rows of a request or none. When it resolves without `error`, queries see the rows and a restart finds them.
   * https://cloud.google.com/bigquery/docs/write-api-grpc#default_stream
   * @throws WriteError, or BigQueryError notFound for the table, that ends the connection.
   */
  async append({ request, bytes }: SizedRequest): Promise<AppendRowsResponse> {
    checkRequest(request, bytes);
    const before = this.#reading?.format.table;
    const reading = this.#readingOf(request);
    const { writeStream } = reading.destination;
    const errors = await this.#write(reading, request.protoRows?.rows?.serializedRows ?? []);
    return {
      ...(errors.length === 0 ? { appendResult: {} } : refusedRows(errors, writeStream)),
      ...updatedSchema(before, reading.format.table),
      writeStream,
    };
  }

  /** The answer to a request that is refused while the connection stays open. */
  refusal(statusName: StatusName, error: Error): AppendRowsResponse {
    const writeStream = this.#reading?.destination.writeStream ?? '';
    const { message } = error;
    return { error: { code: status[statusName], message, details: errorDetails(error) }, writeStream };
  }

  /** The answer to a request whose rows go to a table that no longer has this name. */
  acknowledgement({ request, bytes }: SizedRequest): AppendRowsResponse {
    checkRequest(request, bytes);
    return { appendResult: {}, writeStream: this.#readingOf(request).destination.writeStream };
  }

  /** No request may be under way. */
  close(): void {
    this.#session?.close();
  }

  #readingOf(request: AppendRowsRequest): Reading {
    const before = this.#reading;
    const destination = destinationOf(request, before?.destination);
    const table = this.#schemas.table(tableOfStream(destination.writeStream));
    if (
      before &&
      sameLayout(before.format.table, table) &&
      isDeepStrictEqual(destination, before.destination)
    ) {
      return before;
    }
    const format = rowFormat(destination.descriptor, table);
    this.#reading = { destination, format, decoder: new RowDecoder(format) };
    return this.#reading;
  }

  /** Writes the rows, unless one of them is refused. @returns why rows are refused. */
  async #write({ format, decoder }: Reading, rows: readonly Buffer[]): Promise<RowError[]> {
    const { catalog, engine, mutations } = this.#warehouse;
    this.#session ??= await engine.connect();
    const session = this.#session;
    const decoded = decoder.decode(rows);
    await stageRows(session, format, decoded);
    const errors = [...decoded.errors, ...(await unfitRows(session, format))];
    if (errors.length > 0) return errors.sort((a, b) => a.index - b.index);
    if (this.#schemas.isFormer(format.table)) return [];
    const { reference } = format.table;
    await mutations.alone(displayName(reference), async () => {
      await catalog.markUpsertStream(reference);
      await applyChanges(session, format);
    });
    return [];
  }
}

function checkRequest(request: AppendRowsRequest, bytes: number): void {
  if (bytes > MAX_REQUEST_BYTES) {
    throw invalidArgument(
      `The request of ${bytes} bytes is larger than the maximum of ${MAX_REQUEST_BYTES} bytes`,
    );
  }
  // https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#google.cloud.bigquery.storage.v1.AppendRowsRequest
  if (request.offset) throw invalidArgument('An offset is not allowed when appending to the _default stream');
  if (request.arrowRows) throw unimplemented('rows in Arrow format');
  const { missingValueInterpretations, defaultMissingValueInterpretation } = request;
  const interpretations = [...Object.values(missingValueInterpretations), defaultMissingValueInterpretation];
  if (interpretations.includes('DEFAULT_VALUE')) throw unimplemented('default values');
}

/**
 * A later request may leave out the stream and the descriptor that an earlier one named.
 * https://cloud.google.com/bigquery/docs/write-api-grpc#appendrows
 */
function destinationOf(request: AppendRowsRequest, before: Destination | undefined): Destination {
  const writeStream = request.writeStream || before?.writeStream;
  if (!writeStream) throw invalidArgument('The first request of a connection must have a write_stream');
  const descriptor =
    request.protoRows?.writerSchema?.protoDescriptor ??
    (writeStream === before?.writeStream ? before.descriptor : undefined);
  if (!descriptor) {
    throw invalidArgument(`The first request to a stream must have a writer_schema. Entity: ${writeStream}`);
  }
  return { writeStream, descriptor };
}

/** Does a descriptor fit both in the same way? */
function sameLayout(a: Table, b: Table): boolean {
  return (
    a.fields === b.fields &&
    a.tableConstraints === b.tableConstraints &&
    a.timePartitioning === b.timePartitioning
  );
}

/**
 * The first answer after a change of the columns has the new ones.
 * https://cloud.google.com/bigquery/docs/write-api-best-practices#handle_schema_updates
 */
function updatedSchema(before: Table | undefined, now: Table): Pick<AppendRowsResponse, 'updatedSchema'> {
  const isUpdated =
    before !== undefined &&
    displayName(before.reference) === displayName(now.reference) &&
    before.fields !== now.fields;
  return isUpdated ? { updatedSchema: tableSchema(now) } : {};
}

/** https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#google.cloud.bigquery.storage.v1.AppendRowsResponse */
function refusedRows(
  rowErrors: readonly RowError[],
  writeStream: string,
): Pick<AppendRowsResponse, 'error' | 'rowErrors'> {
  const message = `Errors found while processing rows. Please refer to the row_errors field for details. The list may not be complete because of the size limitations. Entity: ${writeStream}`;
  return { error: { code: status.INVALID_ARGUMENT, message }, rowErrors };
}

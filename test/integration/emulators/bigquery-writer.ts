import { once } from 'node:events';
import { managedwriter, type protos, v1 } from '@google-cloud/bigquery-storage';
import { credentials } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { PROJECT } from './bigquery-project.ts';

export type AppendRowsRequest = protos.google.cloud.bigquery.storage.v1.IAppendRowsRequest;
export type AppendRowsResponse = protos.google.cloud.bigquery.storage.v1.IAppendRowsResponse;
type Descriptor = protos.google.protobuf.IDescriptorProto;
type Row = Readonly<Record<string, unknown>>;

/** The field of a change that orders it. */
export const NUMBER = { _CHANGE_SEQUENCE_NUMBER: 'string' } as const;

/** The message of a row. */
export interface RowMessage {
  readonly descriptor: Descriptor;
  /** A row is an UPSERT unless it says otherwise. */
  encode(row: Row): Uint8Array;
}

/**
 * The message of a change with these fields, by name, as .proto files write their types: `{ id: 'required int64', tags: 'repeated string' }`.
 * The field `_CHANGE_TYPE` comes last, unless it is given.
 */
export function rowMessage(fields: Readonly<Record<string, string>>): RowMessage {
  const type = new protobuf.Type('TestRow');
  const field = Object.entries({ ...fields, _CHANGE_TYPE: fields._CHANGE_TYPE ?? 'string' }).map(
    ([name, text], index) => {
      const [typeName = '', rule = 'optional'] = text.split(' ').reverse();
      type.add(new protobuf.Field(name, index + 1, typeName, rule));
      return {
        name,
        number: index + 1,
        // The client takes names for the enums' numbers, and its types say so of some names only.
        type: `TYPE_${typeName.toUpperCase()}` as 'TYPE_INT64',
        label: `LABEL_${rule.toUpperCase()}` as 'LABEL_OPTIONAL',
      };
    },
  );
  return {
    descriptor: { name: 'TestRow', field },
    encode: (row) => type.encode({ _CHANGE_TYPE: 'UPSERT', ...row }).finish(),
  };
}

export function defaultStream(tableId: string): string {
  return `projects/${PROJECT}/datasets/d/tables/${tableId}/streams/_default`;
}

/** What Google's clients need to reach the emulator. */
function clientOptions(writeHost: string) {
  const [apiEndpoint = '', port = ''] = writeHost.split(':');
  return { projectId: PROJECT, apiEndpoint, port: Number(port), sslCreds: credentials.createInsecure() };
}

/** Google's writer, open on one table's default stream. */
export async function openWriter(writeHost: string, tableId: string, message: RowMessage) {
  const client = new managedwriter.WriterClient(clientOptions(writeHost));
  const connection = await client.createStreamConnection({ streamId: defaultStream(tableId) });
  const connectionErrors: { code?: number; message: string }[] = [];
  connection.on('error', (error) => connectionErrors.push(error));
  const writer = new managedwriter.Writer({ connection, protoDescriptor: message.descriptor });

  const send = (rows: readonly Uint8Array[]) => writer.appendRows({ serializedRows: [...rows] }).getResult();
  return {
    client,
    connection,
    connectionErrors,
    writer,
    send,
    /** Sends rows as one request; rejects with the status if the connection ends instead. */
    append: (...rows: Row[]) => send(rows.map((row) => message.encode(row))),
    upsert: (sequence: string, row: Row) =>
      send([message.encode({ ...row, _CHANGE_SEQUENCE_NUMBER: sequence })]),
    delete: (sequence: string, row: Row) =>
      send([message.encode({ ...row, _CHANGE_TYPE: 'DELETE', _CHANGE_SEQUENCE_NUMBER: sequence })]),
    close: () => client.close(),
  };
}

export type OpenWriter = Awaited<ReturnType<typeof openWriter>>;

/** The bare call of Google's generated client: requests go out as they are given. */
export function openCall(writeHost: string) {
  const client = new v1.BigQueryWriteClient(clientOptions(writeHost));
  const stream = client.appendRows();
  const responses: AppendRowsResponse[] = [];
  const ended = Promise.withResolvers<{ code: number; message: string }>();
  stream.on('data', (response) => responses.push(response));
  stream.on('error', (error: Error & { code: number }) =>
    ended.resolve({ code: error.code, message: error.message }),
  );
  stream.on('end', () => ended.resolve({ code: 0, message: '' }));
  return {
    client,
    stream,
    responses,
    /** How the call ended; OK is 0. */
    ended: ended.promise,
    write: (request: AppendRowsRequest) => stream.write(request),
    /** Resolves when so many requests have been answered. */
    answered: async (count: number) => {
      while (responses.length < count) await once(stream, 'data');
    },
    close: () => client.close(),
  };
}

/** A whole request. */
export function requestOf(
  tableId: string,
  { descriptor, encode }: RowMessage,
  rows: readonly Row[],
): AppendRowsRequest {
  return {
    writeStream: defaultStream(tableId),
    protoRows: {
      writerSchema: { protoDescriptor: descriptor },
      rows: { serializedRows: rows.map(encode) },
    },
  };
}

/** `OK`, or the status and what was wrong with each row. */
export function outcome({ error, rowErrors }: AppendRowsResponse): string {
  if (!error) return 'OK';
  return [
    `error ${error.code}`,
    ...(rowErrors ?? []).map(({ index, message }) => `${index}: ${message}`),
  ].join('\n');
}

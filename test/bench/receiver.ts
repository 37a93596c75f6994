import { promisify } from 'node:util';
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import protobuf from 'protobufjs/light.js';

/** The rows of one request. `rowBytes` counts the encoded rows, without the overhead of requests. */
type Rows = { rows: number; rowBytes: number };

/** What a client sent. */
export type Received = Rows & { connections: number; requests: number };

export type Receiver = {
  /** `127.0.0.1:PORT` */
  host: string;
  /** Returns what arrived since the last call. */
  take(): Received;
  /** How late each request is answered from now on. A connection may have many requests that wait. */
  setAnswerDelay(milliseconds: number): void;
  [Symbol.dispose](): void;
};

type AppendStream = ServerDuplexStream<Rows, 'acknowledged'>;

const NOTHING: Received = { connections: 0, requests: 0, rows: 0, rowBytes: 0 };
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** AppendRowsResponse with an empty `append_result` (field 1). */
const ACKNOWLEDGEMENT = Buffer.from([0x0a, 0x00]);

/** Field numbers in AppendRowsRequest, ProtoData and ProtoRows of google/cloud/bigquery/storage/v1. */
const PROTO_ROWS = 4;
const ROWS = 2;
const SERIALIZED_ROWS = 1;

const APPEND_ROWS: MethodDefinition<Rows, 'acknowledged'> = {
  path: '/google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows',
  requestStream: true,
  responseStream: true,
  requestDeserialize: countRows,
  responseSerialize: () => ACKNOWLEDGEMENT,
  // Only a client would use these two.
  requestSerialize: () => Buffer.alloc(0),
  responseDeserialize: () => 'acknowledged',
};

/**
 * A server of the Storage Write API that acknowledges every request, at once unless it is told otherwise, counts its rows and discards them. The
 * bench does not measure the work of BigQuery itself, which many machines do.
 */
export async function startReceiver(): Promise<Receiver> {
  let received = NOTHING;
  let delayMs = 0;
  const server = new Server({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES });
  const service: ServiceDefinition = { AppendRows: APPEND_ROWS };
  server.addService(service, {
    AppendRows(stream: AppendStream) {
      received = { ...received, connections: received.connections + 1 };
      stream.on('data', ({ rows, rowBytes }: Rows) => {
        received = {
          ...received,
          requests: received.requests + 1,
          rows: received.rows + rows,
          rowBytes: received.rowBytes + rowBytes,
        };
        if (delayMs === 0) stream.write('acknowledged');
        else setTimeout(() => stream.write('acknowledged'), delayMs);
      });
      stream.on('end', () => stream.end());
    },
  });
  const bind = promisify(server.bindAsync.bind(server));
  const port = await bind('127.0.0.1:0', ServerCredentials.createInsecure());
  return {
    host: `127.0.0.1:${port}`,
    take() {
      const taken = received;
      received = NOTHING;
      return taken;
    },
    setAnswerDelay(milliseconds) {
      delayMs = milliseconds;
    },
    [Symbol.dispose]: () => server.forceShutdown(),
  };
}

function countRows(request: Buffer): Rows {
  const counted = { rows: 0, rowBytes: 0 };
  for (const protoRows of fieldsOf(request, PROTO_ROWS)) {
    for (const rows of fieldsOf(protoRows, ROWS)) {
      for (const row of fieldsOf(rows, SERIALIZED_ROWS)) {
        counted.rows += 1;
        counted.rowBytes += row.length;
      }
    }
  }
  return counted;
}

/** Yields the values of one field of a message. The field must contain messages or bytes. */
function* fieldsOf(message: Uint8Array, number: number): Generator<Uint8Array> {
  const reader = protobuf.Reader.create(message);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === number) yield reader.bytes();
    else reader.skipType(tag & 7);
  }
}

import { promisify } from 'node:util';
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import protobuf from 'protobufjs/light.js';

/** What a client sent. `rowBytes` counts the encoded rows, without the overhead of requests. */
export type Received = { requests: number; rows: number; rowBytes: number };

export type Receiver = {
  /** `127.0.0.1:PORT` */
  host: string;
  /** Returns what arrived since the last call. */
  take(): Received;
  [Symbol.dispose](): void;
};

type AppendStream = ServerDuplexStream<Received, 'acknowledged'>;

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** AppendRowsResponse with an empty `append_result` (field 1). */
const ACKNOWLEDGEMENT = Buffer.from([0x0a, 0x00]);

/** Field numbers in AppendRowsRequest, ProtoData and ProtoRows of google/cloud/bigquery/storage/v1. */
const PROTO_ROWS = 4;
const ROWS = 2;
const SERIALIZED_ROWS = 1;

const APPEND_ROWS: MethodDefinition<Received, 'acknowledged'> = {
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
 * A server of the Storage Write API that acknowledges every request at once, counts its rows and discards them. The bench does not
 * measure the work of BigQuery itself, which many machines do.
 */
export async function startReceiver(): Promise<Receiver> {
  let received: Received = { requests: 0, rows: 0, rowBytes: 0 };
  const server = new Server({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES });
  const service: ServiceDefinition = { AppendRows: APPEND_ROWS };
  server.addService(service, {
    AppendRows(stream: AppendStream) {
      stream.on('data', (request: Received) => {
        received = {
          requests: received.requests + request.requests,
          rows: received.rows + request.rows,
          rowBytes: received.rowBytes + request.rowBytes,
        };
        stream.write('acknowledged');
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
      received = { requests: 0, rows: 0, rowBytes: 0 };
      return taken;
    },
    [Symbol.dispose]: () => server.forceShutdown(),
  };
}

function countRows(request: Buffer): Received {
  const counted = { requests: 1, rows: 0, rowBytes: 0 };
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

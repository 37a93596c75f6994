import { promisify } from 'node:util';
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import protobuf from 'protobufjs/light.js';

/** What was sent: rows as they were encoded, `rowBytes` without what a request adds. */
export type Received = { requests: number; rows: number; rowBytes: number };

export type Receiver = {
  /** 127.0.0.1:PORT */
  host: string;
  /** What came since it was asked last. */
  take(): Received;
  [Symbol.dispose](): void;
};

type AppendStream = ServerDuplexStream<Received, 'acknowledged'>;

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** AppendRowsResponse with an empty `append_result` (field 1). */
const ACKNOWLEDGEMENT = Buffer.from([0x0a, 0x00]);

/** In AppendRowsRequest, ProtoData and ProtoRows of google/cloud/bigquery/storage/v1. */
const PROTO_ROWS = 4;
const ROWS = 2;
const SERIALIZED_ROWS = 1;

const APPEND_ROWS: MethodDefinition<Received, 'acknowledged'> = {
  path: '/google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows',
  requestStream: true,
  responseStream: true,
  requestDeserialize: countRows,
  responseSerialize: () => ACKNOWLEDGEMENT,
  // Of a client, which there is none of.
  requestSerialize: () => Buffer.alloc(0),
  responseDeserialize: () => 'acknowledged',
};

/**
 * An end of the Storage Write API that acknowledges every request at once, counts its rows and forgets them: BigQuery's own
 * work, done by many machines, is not what is measured.
 */
export async function startReceiver(): Promise<Receiver> {
  let received: Received = { requests: 0, rows: 0, rowBytes: 0 };
  const server = new Server({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES });
  const service: ServiceDefinition = { AppendRows: APPEND_ROWS };
  server.addService(service, {
    AppendRows(stream: AppendStream) {
      stream.on('data', (more: Received) => {
        received = {
          requests: received.requests + more.requests,
          rows: received.rows + more.rows,
          rowBytes: received.rowBytes + more.rowBytes,
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

/** The values of one field of a message, all of them messages or bytes. */
function* fieldsOf(message: Uint8Array, number: number): Generator<Uint8Array> {
  const reader = protobuf.Reader.create(message);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === number) yield reader.bytes();
    else reader.skipType(tag & 7);
  }
}

import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { FaultError } from '../../faults.ts';
import { AppendConnection } from './append-connection.ts';
import { serviceError, statusNamed, WriteError } from './write-error.ts';
import type { AppendRowsResponse, SizedRequest } from './write-protocol.ts';
import type { WriteServices } from './write-services.ts';

type Stream = ServerDuplexStream<SizedRequest, AppendRowsResponse>;

/**
 * One connection. Requests are answered one after the other; later requests wait in the network. The fault `AppendRows` meets one request.
 * https://cloud.google.com/bigquery/docs/write-api-grpc#connections
 */
export function appendRowsCall(
  services: WriteServices,
): handleBidiStreamingCall<SizedRequest, AppendRowsResponse> {
  return (stream) => {
    serve(stream, services).catch((error) => {
      if (!stream.cancelled) stream.emit('error', serviceError(error));
    });
  };
}

async function serve(stream: Stream, services: WriteServices): Promise<void> {
  const connection = new AppendConnection(services.warehouse, services.schemas);
  try {
    for await (const request of requests(stream, services.idleConnectionSeconds)) {
      stream.write(await answer(request, connection, services));
    }
    stream.end();
  } finally {
    connection.close();
  }
}

/**
 * @throws WriteError ABORTED when the next request does not come in time: https://cloud.google.com/bigquery/docs/write-api-grpc#connections
 */
async function* requests(stream: Stream, idleSeconds: number): AsyncGenerator<SizedRequest> {
  const iterator = stream.iterator({ destroyOnReturn: false });
  for (;;) {
    const idle = Promise.withResolvers<never>();
    const timer = setTimeout(
      () =>
        idle.reject(new WriteError('ABORTED', `Closing the stream: it was idle for ${idleSeconds} seconds`)),
      idleSeconds * 1000,
    );
    const next = await Promise.race([iterator.next(), idle.promise]).finally(() => clearTimeout(timer));
    if (next.done) return;
    yield next.value;
  }
}

async function answer(
  request: SizedRequest,
  connection: AppendConnection,
  { faults, inFlight }: WriteServices,
): Promise<AppendRowsResponse> {
  try {
    return await faults.around('AppendRows', () => inFlight.run(() => connection.append(request)));
  } catch (error) {
    if (!(error instanceof FaultError) || error.answer.kind !== 'refusal') throw error;
    if (error.answer.status === 'OK') return connection.acknowledgement(request);
    return connection.refusal(statusNamed(String(error.answer.status)), error);
  }
}

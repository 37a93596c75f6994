import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import type { Faults } from '../faults.ts';
import type { Broker } from './broker.ts';
import { serviceError } from './grpc-service.ts';
import { receivedMessage } from './pull.ts';

interface StreamingPullRequest {
  subscription: string;
  ackIds: string[];
  modifyDeadlineAckIds: string[];
  modifyDeadlineSeconds: number[];
  streamAckDeadlineSeconds: number;
  maxOutstandingMessages: string;
}

type Stream = ServerDuplexStream<StreamingPullRequest, object>;

const DEFAULT_OUTSTANDING = 1000;

/**
 * Sends messages for as long as the stream is open, at most as many at a time as its first request allows.
 * The fault `pubsub.StreamingPull` meets that first request.
 */
export function streamingPull(
  broker: Broker,
  faults: Faults,
): handleBidiStreamingCall<StreamingPullRequest, object> {
  return (stream) => {
    stream.once('data', (first: StreamingPullRequest) => {
      faults
        .around('pubsub.StreamingPull', () => serve(stream, first, broker))
        .catch((error) => stream.emit('error', serviceError(error)));
    });
    stream.on('end', () => stream.end());
  };
}

function serve(stream: Stream, first: StreamingPullRequest, broker: Broker): void {
  const name = first.subscription;
  const queue = broker.queue(name);
  const maxOutstanding = Number(first.maxOutstandingMessages) || DEFAULT_OUTSTANDING;
  let ackDeadlineMs = queue.policy.ackDeadlineMs;
  let outstanding: string[] = [];

  const send = () => {
    outstanding = outstanding.filter((ackId) => queue.isLeased(ackId));
    const leases = queue.lease(maxOutstanding - outstanding.length, ackDeadlineMs);
    if (leases.length === 0) return;
    outstanding.push(...leases.map(({ ackId }) => ackId));
    const config = broker.subscription(name);
    stream.write({ receivedMessages: leases.map((lease) => receivedMessage(lease, config)) });
  };
  const receive = (request: StreamingPullRequest) => {
    if (request.streamAckDeadlineSeconds > 0) ackDeadlineMs = request.streamAckDeadlineSeconds * 1000;
    for (const ackId of request.ackIds) queue.acknowledge(ackId);
    request.modifyDeadlineAckIds.forEach((ackId, index) => {
      const seconds = request.modifyDeadlineSeconds[index] ?? 0;
      if (seconds === 0) queue.refuse(ackId);
      else queue.extend(ackId, seconds * 1000);
    });
  };
  const stop = () => queue.off('change', send);

  stream.on('data', (request: StreamingPullRequest) => {
    receive(request);
    // The client takes a stream for dead that does not answer its sign of life.
    stream.write({});
  });
  stream.on('cancelled', stop).on('close', stop).on('end', stop);
  queue.on('change', send);
  receive(first);
  send();
}

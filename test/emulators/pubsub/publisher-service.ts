import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Faults } from '../faults.ts';
import type { Broker } from './broker.ts';
import { unary } from './grpc-service.ts';
import type { StoredTopic } from './message-store.ts';
import { unsupported } from './pub-sub-error.ts';

interface PublishRequest {
  topic: string;
  messages: { data: Buffer; attributes: Record<string, string>; orderingKey: string }[];
}

/** The methods of google.pubsub.v1.Publisher that this project needs. gRPC answers UNIMPLEMENTED to the others. */
export function publisherService(broker: Broker, faults: Faults): UntypedServiceImplementation {
  return {
    createTopic: unary(faults, 'CreateTopic', (topic: StoredTopic) => broker.createTopic(topic)),

    getTopic: unary(faults, 'GetTopic', ({ topic }: { topic: string }) => broker.topic(topic)),

    deleteTopic: unary(faults, 'DeleteTopic', ({ topic }: { topic: string }) => {
      broker.deleteTopic(topic);
      return {};
    }),

    publish: unary(faults, 'Publish', ({ topic, messages }: PublishRequest) => {
      if (messages.some(({ orderingKey }) => orderingKey !== '')) throw unsupported('message ordering');
      const drafts = messages.map(({ data, attributes }) => ({ data: data.toString('base64'), attributes }));
      return { messageIds: broker.publish(topic, drafts) };
    }),
  };
}

import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Faults } from '../faults.ts';
import type { Broker } from './broker.ts';
import { unary } from './grpc-service.ts';
import type { StoredTopic } from './message-store.ts';

interface PublishRequest {
  topic: string;
  messages: { data: Buffer; attributes: Record<string, string>; orderingKey: string }[];
}

/** google.pubsub.v1.Publisher, as far as it is needed; gRPC answers UNIMPLEMENTED to the rest. */
export function publisherService(broker: Broker, faults: Faults): UntypedServiceImplementation {
  return {
    createTopic: unary(faults, 'CreateTopic', (topic: StoredTopic) => broker.createTopic(topic)),

    getTopic: unary(faults, 'GetTopic', ({ topic }: { topic: string }) => broker.topic(topic)),

    listTopics: unary(faults, 'ListTopics', ({ project }: { project: string }) => ({
      topics: broker.topics(project),
    })),

    deleteTopic: unary(faults, 'DeleteTopic', ({ topic }: { topic: string }) => {
      broker.deleteTopic(topic);
      return {};
    }),

    publish: unary(faults, 'Publish', ({ topic, messages }: PublishRequest) => ({
      messageIds: broker.publish(
        topic,
        messages.map(({ data, attributes, orderingKey }) => ({
          data: data.toString('base64'),
          attributes,
          orderingKey,
        })),
      ),
    })),
  };
}

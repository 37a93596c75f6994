import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Faults } from '../faults.ts';
import type { Broker } from './broker.ts';
import { unary } from './grpc-service.ts';
import { type PullRequest, pull } from './pull.ts';
import type { SubscriptionConfig } from './subscription-config.ts';

interface ByName {
  subscription: string;
}

/** The methods of google.pubsub.v1.Subscriber that this project needs. gRPC answers UNIMPLEMENTED to the others. */
export function subscriberService(broker: Broker, faults: Faults): UntypedServiceImplementation {
  return {
    createSubscription: unary(faults, 'CreateSubscription', (config: SubscriptionConfig) =>
      broker.createSubscription(config),
    ),

    getSubscription: unary(faults, 'GetSubscription', ({ subscription }: ByName) =>
      broker.subscription(subscription),
    ),

    deleteSubscription: unary(faults, 'DeleteSubscription', ({ subscription }: ByName) => {
      broker.deleteSubscription(subscription);
      return {};
    }),

    modifyPushConfig: unary(
      faults,
      'ModifyPushConfig',
      ({ subscription, pushConfig }: ByName & Pick<SubscriptionConfig, 'pushConfig'>) => {
        broker.changePushConfig(subscription, pushConfig);
        return {};
      },
    ),

    pull: unary(faults, 'Pull', (request: PullRequest) => pull(broker, request)),

    acknowledge: unary(faults, 'Acknowledge', ({ subscription, ackIds }: ByName & { ackIds: string[] }) => {
      const queue = broker.queue(subscription);
      for (const ackId of ackIds) queue.acknowledge(ackId);
      return {};
    }),
  };
}

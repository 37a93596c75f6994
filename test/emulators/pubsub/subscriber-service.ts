import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Faults } from '../faults.ts';
import type { Broker } from './broker.ts';
import { unary } from './grpc-service.ts';
import { type PullRequest, pull } from './pull.ts';
import { streamingPull } from './streaming-pull.ts';
import type { SubscriptionConfig } from './subscription-config.ts';

interface ByName {
  subscription: string;
}
interface Acknowledge extends ByName {
  ackIds: string[];
}
interface ModifyAckDeadline extends Acknowledge {
  ackDeadlineSeconds: number;
}
interface UpdateSubscription {
  subscription: SubscriptionConfig;
  updateMask: { paths: string[] };
}

/** google.pubsub.v1.Subscriber, as far as it is needed; gRPC answers UNIMPLEMENTED to the rest. */
export function subscriberService(broker: Broker, faults: Faults): UntypedServiceImplementation {
  return {
    createSubscription: unary(faults, 'CreateSubscription', (config: SubscriptionConfig) =>
      broker.createSubscription(config),
    ),

    getSubscription: unary(faults, 'GetSubscription', ({ subscription }: ByName) =>
      broker.subscription(subscription),
    ),

    updateSubscription: unary(
      faults,
      'UpdateSubscription',
      ({ subscription, updateMask }: UpdateSubscription) => {
        const fields = updateMask.paths.map((path) => camelCase(path.split('.')[0] ?? ''));
        const change = Object.entries(subscription).filter(([field]) => fields.includes(field));
        return broker.changeSubscription(subscription.name, Object.fromEntries(change));
      },
    ),

    listSubscriptions: unary(faults, 'ListSubscriptions', ({ project }: { project: string }) => ({
      subscriptions: broker.subscriptions(project),
    })),

    deleteSubscription: unary(faults, 'DeleteSubscription', ({ subscription }: ByName) => {
      broker.deleteSubscription(subscription);
      return {};
    }),

    modifyPushConfig: unary(
      faults,
      'ModifyPushConfig',
      ({ subscription, pushConfig }: ByName & Pick<SubscriptionConfig, 'pushConfig'>) => {
        broker.changeSubscription(subscription, { pushConfig });
        return {};
      },
    ),

    acknowledge: unary(faults, 'Acknowledge', ({ subscription, ackIds }: Acknowledge) => {
      const queue = broker.queue(subscription);
      for (const ackId of ackIds) queue.acknowledge(ackId);
      return {};
    }),

    modifyAckDeadline: unary(
      faults,
      'ModifyAckDeadline',
      ({ subscription, ackIds, ackDeadlineSeconds }: ModifyAckDeadline) => {
        const queue = broker.queue(subscription);
        for (const ackId of ackIds) {
          if (ackDeadlineSeconds === 0) queue.refuse(ackId);
          else queue.extend(ackId, ackDeadlineSeconds * 1000);
        }
        return {};
      },
    ),

    pull: unary(faults, 'Pull', (request: PullRequest) => pull(broker, request)),

    streamingPull: streamingPull(broker, faults),
  };
}

function camelCase(path: string): string {
  return path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Message, PubSub, v1 } from '@google-cloud/pubsub';
import express from 'express';
import { dropAfterEffect, failAfterEffect, failBefore, hold } from '../../emulators/faults.ts';
import { type PubSubStandIn, startPubSub } from '../../emulators/pubsub/start-pub-sub.ts';

interface PushBody {
  message: {
    data: string;
    messageId: string;
    message_id: string;
    publishTime: string;
    publish_time: string;
    attributes?: Record<string, string>;
    orderingKey?: string;
  };
  subscription: string;
  deliveryAttempt?: number;
}

describe('the Pub/Sub stand-in', () => {
  let standIn: PubSubStandIn;
  let client: PubSub;
  let endpoint: Endpoint;
  let count = 0;

  beforeEach(async () => {
    standIn = await startPubSub({ minBackoffMs: 20, maxBackoffMs: 100, ackDeadlineMs: 500 });
    client = clientOf(standIn);
    endpoint = await Endpoint.start();
    count++;
  });
  afterEach(async () => {
    await client.close();
    await standIn.close();
    await endpoint.close();
  });

  const createTopic = async () => (await client.createTopic(`topic-${count}`))[0];
  const createPushTopic = async (options: object = {}) => {
    const topic = await createTopic();
    await topic.createSubscription(`push-${count}`, { pushEndpoint: endpoint.url, ...options });
    return topic;
  };

  describe('topics and subscriptions', () => {
    it('are created once, listed, described and deleted', async () => {
      const topic = await createTopic();
      await topic.createSubscription('sub-1', { ackDeadlineSeconds: 60, labels: { a: 'b' } });

      await assert.rejects(client.createTopic(topic.name), { code: 6 });
      await assert.rejects(topic.createSubscription('sub-1'), { code: 6 });
      assert.deepEqual(names((await client.getTopics())[0]), [topic.name]);
      assert.deepEqual(names((await client.getSubscriptions())[0]), ['projects/local/subscriptions/sub-1']);
      const [metadata] = await client.subscription('sub-1').getMetadata();
      assert.partialDeepStrictEqual(metadata, {
        topic: topic.name,
        ackDeadlineSeconds: 60,
        labels: { a: 'b' },
      });
      await topic.delete();
      assert.deepEqual(await topic.exists(), [false]);
      assert.equal((await client.subscription('sub-1').getMetadata())[0].topic, '_deleted-topic_');
      await client.subscription('sub-1').delete();
      assert.deepEqual(await client.subscription('sub-1').exists(), [false]);
    });

    it('are refused with unknown topics, bad names and deadlines that Pub/Sub does not allow', async () => {
      const topic = await createTopic();

      await assert.rejects(client.topic('nowhere').createSubscription('sub-2'), { code: 5 });
      await assert.rejects(client.createTopic('1'), { code: 3 });
      await assert.rejects(topic.createSubscription('sub-2', { ackDeadlineSeconds: 5 }), { code: 3 });
      await assert.rejects(topic.createSubscription('sub-2', { filter: 'attributes.a = "b"' }), { code: 12 });
    });
  });

  describe('publishing', () => {
    it('to an unknown topic is refused', async () => {
      await assert.rejects(client.topic('nowhere').publishMessage({ json: {} }), { code: 5 });
    });

    it('more than ten million bytes is refused, and so is nothing at all', async () => {
      const topic = await createTopic();

      await assert.rejects(topic.publishMessage({ data: Buffer.alloc(10_000_001) }), { code: 3 });
      await assert.rejects(topic.publishMessage({ data: Buffer.alloc(0) }), { code: 3 });
      await topic.publishMessage({ data: Buffer.alloc(9_000_000) });
    });

    it('that fails before its effect is retried by the client and arrives once', async () => {
      const topic = await createPushTopic();
      standIn.faults.next('pubsub.Publish', failBefore('UNAVAILABLE'));

      await topic.publishMessage({ json: { view: 'pmr_project' } });
      await standIn.idle();

      assert.equal(endpoint.bodies.length, 1);
      assert.deepEqual(standIn.faults.calls.filter((call) => call === 'pubsub.Publish').length, 2);
    });

    it('whose answer is lost is retried by the client and arrives twice, under two ids', async () => {
      for (const lost of [failAfterEffect('UNAVAILABLE'), dropAfterEffect()]) {
        count++;
        endpoint.bodies.length = 0;
        const topic = await createPushTopic();
        standIn.faults.next('pubsub.Publish', lost);

        await topic.publishMessage({ json: {} });
        await standIn.idle();

        assert.equal(new Set(endpoint.bodies.map(({ message }) => message.messageId)).size, 2);
      }
    });
  });

  describe('push', () => {
    it('delivers data, attributes, ids and times as Pub/Sub writes them', async () => {
      const topic = await createPushTopic();

      const messageId = await topic.publishMessage({ json: { view: 'ü' }, attributes: { kind: 'extract' } });
      await standIn.idle();

      const [body] = endpoint.bodies;
      assert.ok(body);
      const { message } = body;
      assert.deepEqual(JSON.parse(Buffer.from(message.data, 'base64').toString()), { view: 'ü' });
      assert.deepEqual(message.attributes, { kind: 'extract' });
      assert.deepEqual([message.messageId, message.message_id], [messageId, messageId]);
      assert.match(message.publishTime, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      assert.equal(message.publish_time, message.publishTime);
      assert.equal(body.subscription, `projects/local/subscriptions/push-${count}`);
      assert.deepEqual(standIn.deliveries, [
        { subscription: body.subscription, messageId, attempt: 1, status: 204 },
      ]);
    });

    it('keeps the ordering key', async () => {
      const topic = await createPushTopic();

      await client
        .topic(topic.name, { messageOrdering: true })
        .publishMessage({ data: Buffer.from('x'), orderingKey: 'a' });
      await standIn.idle();

      assert.equal(endpoint.bodies[0]?.message.orderingKey, 'a');
    });

    it('reaches every subscription of the topic', async () => {
      const topic = await createPushTopic();
      await topic.createSubscription('second', { pushEndpoint: endpoint.url });

      await topic.publishMessage({ json: {} });
      await standIn.idle();

      assert.equal(new Set(endpoint.bodies.map(({ subscription }) => subscription)).size, 2);
    });

    for (const status of [200, 201, 202, 204]) {
      it(`takes ${status} for an acknowledgement`, async () => {
        const topic = await createPushTopic();
        endpoint.answers.push(status);

        await topic.publishMessage({ json: {} });
        await standIn.idle();

        assert.equal(endpoint.bodies.length, 1);
      });
    }

    it('delivers again after any other answer, later each time, and counts the attempts', async () => {
      const topic = await createPushTopic();
      endpoint.answers.push(500, 404, 302, 206);

      await topic.publishMessage({ json: {} });
      await standIn.idle();

      assert.deepEqual(
        standIn.deliveries.map(({ attempt, status }) => [attempt, status]),
        [
          [1, 500],
          [2, 404],
          [3, 302],
          [4, 206],
          [5, 204],
        ],
      );
      const waits = endpoint.times.slice(1).map((time, index) => time - (endpoint.times[index] ?? 0));
      assert.equal(waits.length, 4);
      for (const [index, minimumMs] of [20, 40, 80, 100].entries()) {
        // Timers may be early by a millisecond.
        assert.ok((waits[index] ?? 0) >= minimumMs - 2, `waited ${waits.join(', ')} ms`);
      }
    });

    it('uses the retry policy of the subscription when no times are given', async () => {
      await standIn.close();
      standIn = await startPubSub();
      await client.close();
      client = clientOf(standIn);
      const topic = await createPushTopic({
        retryPolicy: { minimumBackoff: { nanos: 150_000_000 }, maximumBackoff: { seconds: 1 } },
      });
      endpoint.answers.push(500);

      await topic.publishMessage({ json: {} });
      await standIn.idle();

      const [first = 0, second = 0] = endpoint.times;
      assert.ok(second - first >= 148);
    });

    it('delivers again when there is no answer within the deadline', async () => {
      const topic = await createPushTopic();
      endpoint.answers.push('never');

      await topic.publishMessage({ json: {} });
      await standIn.idle();

      assert.deepEqual(
        standIn.deliveries.map(({ status }) => status),
        ['no answer', 204],
      );
    });

    it('delivers again when the endpoint was not there, and to the endpoint it is given then', async () => {
      const topic = await createTopic();
      const [subscription] = await topic.createSubscription('moved', { pushEndpoint: 'http://127.0.0.1:1/' });

      await topic.publishMessage({ json: {} });
      await waitFor(() => standIn.deliveries.length > 0);
      await subscription.modifyPushConfig({ pushEndpoint: endpoint.url });
      await standIn.idle();

      assert.equal(endpoint.bodies.length, 1);
      assert.equal(standIn.deliveries.at(0)?.status, 'no answer');
    });

    it('delivers other messages while one waits for its answer', async () => {
      const topic = await createPushTopic();
      const held = hold();
      standIn.faults.next('pubsub.push', held);

      const first = await topic.publishMessage({ json: { n: 1 } });
      await held.reached;
      const second = await topic.publishMessage({ json: { n: 2 } });
      await waitFor(() => endpoint.bodies.length === 1);
      held.release();
      await standIn.idle();

      assert.deepEqual(
        endpoint.bodies.map(({ message }) => message.messageId),
        [second, first],
      );
    });

    it('delivers a burst, never more than a hundred at a time', async () => {
      const topic = await createPushTopic();

      await Promise.all(Array.from({ length: 500 }, (_, n) => topic.publishMessage({ json: { n } })));
      await standIn.idle();

      assert.equal(new Set(endpoint.bodies.map(({ message }) => message.messageId)).size, 500);
      assert.ok(endpoint.mostAtATime <= 100);
    });

    it('delivers twice when it is told to, or when the acknowledgement is lost', async () => {
      const topic = await createPushTopic();
      standIn.deliverTwice(1);
      await topic.publishMessage({ json: {} });
      await standIn.idle();
      standIn.faults.next('pubsub.push', failAfterEffect(503));
      await topic.publishMessage({ json: {} });
      await standIn.idle();

      const ids = endpoint.bodies.map(({ message }) => message.messageId);
      assert.deepEqual([ids.length, new Set(ids).size], [4, 2]);
    });

    it('puts a message that fails too often on the dead letter topic', async () => {
      const [deadLetters] = await client.createTopic(`dead-letters-${count}`);
      await deadLetters.createSubscription(`dead-${count}`, { pushEndpoint: `${endpoint.url}dead` });
      const topic = await createPushTopic({
        deadLetterPolicy: { deadLetterTopic: deadLetters.name, maxDeliveryAttempts: 5 },
      });
      endpoint.answers.push(500, 500, 500, 500, 500);

      await topic.publishMessage({ json: { a: 1 }, attributes: { kind: 'extract' } });
      await standIn.idle();

      assert.deepEqual(
        endpoint.bodies.map(({ deliveryAttempt }) => deliveryAttempt),
        [1, 2, 3, 4, 5, undefined],
      );
      assert.partialDeepStrictEqual(endpoint.bodies.at(-1)?.message.attributes, {
        kind: 'extract',
        CloudPubSubDeadLetterSourceDeliveryCount: '5',
        CloudPubSubDeadLetterSourceSubscription: `push-${count}`,
      });
    });
  });

  describe('pull', () => {
    it('streams messages to a listener, with a refused one again', async () => {
      const topic = await createTopic();
      const [subscription] = await topic.createSubscription('streamed');
      const received: Message[] = [];
      subscription.on('message', (message: Message) => {
        received.push(message);
        if (received.length === 1) message.nack();
        else message.ack();
      });

      const messageId = await topic.publishMessage({ json: { a: 1 }, attributes: { k: 'v' } });
      await standIn.idle();
      await subscription.close();

      assert.deepEqual(
        received.map(({ id }) => id),
        [messageId, messageId],
      );
      assert.deepEqual(JSON.parse(String(received[1]?.data)), { a: 1 });
      assert.deepEqual(received[1]?.attributes, { k: 'v' });
      assert.ok(Math.abs(Date.now() - Number(received[1]?.publishTime)) < 60_000);
      assert.deepEqual(
        standIn.deliveries.map(({ status }) => status),
        ['refused', 'acknowledged'],
      );
    });

    it('keeps messages until somebody listens, and gives them all to a listener with little room', async () => {
      const topic = await createTopic();
      await topic.createSubscription('later');
      await Promise.all(Array.from({ length: 20 }, (_, n) => topic.publishMessage({ json: { n } })));

      const subscription = client.subscription('later', { flowControl: { maxMessages: 2 } });
      const ids = new Set<string>();
      subscription.on('message', (message: Message) => {
        ids.add(message.id);
        message.ack();
      });
      await standIn.idle();
      await subscription.close();

      assert.equal(ids.size, 20);
    });

    it('answers a single pull, and gives a message again when its deadline passed', async () => {
      const topic = await createTopic();
      const [{ name }] = await topic.createSubscription('pulled');
      const messageId = await topic.publishMessage({ json: {} });
      const subscriber = new v1.SubscriberClient({ ...client.options, projectId: 'local' });
      const pull = async () =>
        (await subscriber.pull({ subscription: name, maxMessages: 5 }))[0].receivedMessages ?? [];

      const [first] = await pull();
      await waitFor(() => standIn.deliveries.some(({ status }) => status === 'expired'));
      const [second] = await pull();
      await subscriber.modifyAckDeadline({
        subscription: name,
        ackIds: [second?.ackId ?? ''],
        ackDeadlineSeconds: 60,
      });
      await subscriber.acknowledge({ subscription: name, ackIds: [first?.ackId ?? '', second?.ackId ?? ''] });
      await standIn.idle();

      assert.deepEqual([first?.message?.messageId, second?.message?.messageId], [messageId, messageId]);
      assert.deepEqual(await pull(), []);
      await subscriber.close();
    });

    it('becomes push when an endpoint is set, with the messages that wait', async () => {
      const topic = await createTopic();
      const [subscription] = await topic.createSubscription('changing');
      await topic.publishMessage({ json: {} });

      await subscription.setMetadata({ pushConfig: { pushEndpoint: endpoint.url }, ackDeadlineSeconds: 30 });
      await standIn.idle();

      assert.equal(endpoint.bodies.length, 1);
      assert.equal((await subscription.getMetadata())[0].ackDeadlineSeconds, 30);
    });

    it('tells a listener to a subscription that does not exist', async () => {
      const subscription = client.subscription('absent');
      const failed = once(subscription, 'error');
      subscription.on('message', () => undefined);

      const [error] = await failed;
      assert.equal(error.code, 5);
    });
  });

  describe('a restart', () => {
    it('keeps topics, subscriptions and undelivered messages', async () => {
      const dataFolder = await mkdtemp(join(tmpdir(), 'pubsub-restart-'));
      const first = await startPubSub({ dataFolder, minBackoffMs: 60_000, maxBackoffMs: 60_000 });
      const firstClient = clientOf(first);
      const [topic] = await firstClient.createTopic('kept');
      await topic.createSubscription('kept', { pushEndpoint: endpoint.url });
      endpoint.answers.push(204, 500);
      await topic.publishMessage({ json: { n: 1 } });
      await first.idle();
      const failed = await topic.publishMessage({ json: { n: 2 }, attributes: { a: 'b' } });
      await waitFor(() => first.deliveries.length === 2);
      await firstClient.close();
      await first.close();

      const second = await startPubSub({ dataFolder });
      const secondClient = clientOf(second);
      await second.idle();

      assert.deepEqual(await secondClient.topic('kept').exists(), [true]);
      assert.equal(endpoint.bodies.length, 3);
      assert.partialDeepStrictEqual(endpoint.bodies[2]?.message, {
        messageId: failed,
        attributes: { a: 'b' },
      });
      const next = await secondClient.topic('kept').publishMessage({ json: {} });
      assert.ok(BigInt(next) > BigInt(failed));
      await secondClient.close();
      await second.close();
      await rm(dataFolder, { recursive: true });
    });

    it('delivers nothing to where the last run pushed, when it is told so, until there is a new address', async () => {
      const dataFolder = await mkdtemp(join(tmpdir(), 'pubsub-restart-'));
      const first = await startPubSub({ dataFolder, minBackoffMs: 60_000, maxBackoffMs: 60_000 });
      const firstClient = clientOf(first);
      const [topic] = await firstClient.createTopic('moved');
      await topic.createSubscription('moved', { pushEndpoint: endpoint.url });
      endpoint.answers.push(500);
      await topic.publishMessage({ json: { n: 1 } });
      await waitFor(() => first.deliveries.length === 1);
      await firstClient.close();
      await first.close();

      const second = await startPubSub({ dataFolder, forgetsPushEndpoints: true });
      const secondClient = clientOf(second);
      const [{ pushConfig }] = await secondClient.subscription('moved').getMetadata();
      assert.equal(pushConfig, null);
      await secondClient.subscription('moved').modifyPushConfig({ pushEndpoint: `${endpoint.url}new` });
      await second.idle();

      assert.deepEqual(endpoint.paths, ['/', '/new']);
      await secondClient.close();
      await second.close();
      await rm(dataFolder, { recursive: true });
    });
  });

  it('says that its port is taken', async () => {
    await assert.rejects(startPubSub({ port: Number(standIn.host.split(':')[1]) }), { code: 'EADDRINUSE' });
  });
});

/** A push endpoint: answers with the statuses queued, then 204. */
class Endpoint {
  readonly bodies: PushBody[] = [];
  readonly paths: string[] = [];
  /** When each body arrived, in milliseconds. */
  readonly times: number[] = [];
  readonly answers: (number | 'never')[] = [];
  mostAtATime = 0;
  readonly #server: Server;
  #open = 0;

  private constructor() {
    const app = express().use(express.json());
    app.post('/{*path}', (request, response) => {
      this.mostAtATime = Math.max(this.mostAtATime, ++this.#open);
      response.on('close', () => this.#open--);
      this.bodies.push(request.body);
      this.paths.push(request.path);
      this.times.push(performance.now());
      const answer = this.answers.shift() ?? 204;
      if (answer !== 'never') response.status(answer).end();
    });
    this.#server = createServer(app);
  }

  static async start(): Promise<Endpoint> {
    const endpoint = new Endpoint();
    endpoint.#server.listen(0, '127.0.0.1');
    await once(endpoint.#server, 'listening');
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

function clientOf({ host }: PubSubStandIn): PubSub {
  return new PubSub({ projectId: 'local', apiEndpoint: host, emulatorMode: true });
}

function names(resources: { name: string }[]): string[] {
  return resources.map(({ name }) => name);
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

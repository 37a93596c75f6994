import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json, text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { PubSub, v1 } from '@google-cloud/pubsub';
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
  };
  subscription: string;
}

describe('the Pub/Sub emulator', () => {
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
    it('are created once, described and deleted', async () => {
      const topic = await createTopic();
      await topic.createSubscription('sub-1', { ackDeadlineSeconds: 60, labels: { a: 'b' } });

      await assert.rejects(client.createTopic(topic.name), { code: 6 });
      await assert.rejects(topic.createSubscription('sub-1'), { code: 6 });
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
    });

    it('are refused with what the emulator does not have, rather than delivered in another way', async () => {
      const topic = await createTopic();
      const deadLetterPolicy = { deadLetterTopic: topic.name, maxDeliveryAttempts: 5 };
      for (const options of [
        { filter: 'attributes.a = "b"' },
        { deadLetterPolicy },
        { enableMessageOrdering: true },
      ]) {
        await assert.rejects(topic.createSubscription('sub-3', options), { code: 12 });
      }

      const ordered = client.topic(topic.name, { messageOrdering: true });
      await assert.rejects(ordered.publishMessage({ json: {}, orderingKey: 'a' }), { code: 12 });
      await assert.rejects(client.getTopics(), { code: 12 });
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

  describe('REST, at the same port', () => {
    const topicUrl = (name: string) => `http://${standIn.host}/v1/projects/local/topics/${name}`;
    const ask = async (url: string, body?: object | string, headers: Record<string, string> = {}) => {
      const response = await fetch(url, {
        headers,
        ...(body !== undefined && {
          method: 'POST',
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const data = Buffer.from('{"view":"ü"}').toString('base64');

    it('publishes what is delivered like any other message', async () => {
      const topic = await createPushTopic();

      const { body } = await ask(`${topicUrl(`topic-${count}`)}:publish`, {
        messages: [{ data, attributes: { kind: 'extract' } }, { data }],
      });
      await topic.publishMessage({ json: {} });
      await standIn.idle();

      const { messageIds } = body as { messageIds: string[] };
      assert.equal(new Set(messageIds).size, 2);
      const [first] = endpoint.bodies.filter(({ message }) => message.messageId === messageIds[0]);
      assert.deepEqual([first?.message.data, first?.message.attributes], [data, { kind: 'extract' }]);
      assert.equal(endpoint.bodies.length, 3);
    });

    it('answers the name of a topic', async () => {
      const { name } = await createTopic();

      assert.partialDeepStrictEqual(await ask(topicUrl(`topic-${count}`)), { status: 200, body: { name } });
    });

    it('refuses in the form of Google, with the HTTP status of each gRPC status', async () => {
      await createTopic();
      const known = `${topicUrl(`topic-${count}`)}:publish`;
      const ordered = { messages: [{ data, orderingKey: 'a' }] };
      for (const [url, body, code, status] of [
        [topicUrl('nowhere'), undefined, 404, 'NOT_FOUND'],
        [`${topicUrl('nowhere')}:publish`, { messages: [{ data }] }, 404, 'NOT_FOUND'],
        [topicUrl('nowhere'), {}, 404, 'NOT_FOUND'],
        [`http://${standIn.host}/v1/projects`, undefined, 404, 'NOT_FOUND'],
        [known, { messages: [] }, 400, 'INVALID_ARGUMENT'],
        [known, {}, 400, 'INVALID_ARGUMENT'],
        [known, { messages: [{ data: 'ü' }] }, 400, 'INVALID_ARGUMENT'],
        [known, ordered, 400, 'INVALID_ARGUMENT'],
        [known, '{', 400, 'INVALID_ARGUMENT'],
        [
          known,
          { messages: [{ data: Buffer.alloc(10_000_001).toString('base64') }] },
          400,
          'INVALID_ARGUMENT',
        ],
      ] as const) {
        const answer = await ask(url, body);
        assert.partialDeepStrictEqual(answer, { status: code, body: { error: { code, status } } });
      }
    });

    it('has the faults of gRPC, by their numbers or names', async () => {
      const topic = await createPushTopic();
      const url = `${topicUrl(`topic-${count}`)}:publish`;
      const publish = () => ask(url, { messages: [{ data }] });
      for (const fault of [failBefore(503), failBefore('UNAVAILABLE'), failAfterEffect('UNAVAILABLE')]) {
        standIn.faults.next('pubsub.Publish', fault);
        assert.partialDeepStrictEqual(await publish(), {
          status: 503,
          body: { error: { code: 503, status: 'UNAVAILABLE' } },
        });
      }
      standIn.faults.next('pubsub.Publish', dropAfterEffect());
      await assert.rejects(publish());
      await standIn.idle();
      assert.equal(endpoint.bodies.length, 2);

      standIn.faults.next('pubsub.Publish', failBefore(403));
      await assert.rejects(topic.publishMessage({ json: {} }), { code: 7 });
      standIn.faults.next('pubsub.GetTopic', failBefore(404));
      assert.equal((await ask(topicUrl(`topic-${count}`))).status, 404);
    });

    it('is for programs of this machine only', async () => {
      const { name } = await createTopic();

      assert.ok(name);
      const { status } = await ask(topicUrl(`topic-${count}`), undefined, { origin: 'http://web.example' });
      assert.equal(status, 403);
    });

    it('is told from gRPC when the first bytes arrive one by one', async () => {
      await createTopic();
      const [host = '', port] = standIn.host.split(':');
      const socket = connect(Number(port), host).setNoDelay();
      const request = `POST /v1/projects/local/topics/topic-${count}:publish HTTP/1.1\r\nhost: ${standIn.host}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`;
      for (const byte of request) {
        socket.write(byte);
        await setImmediate();
      }

      assert.match(await text(socket), /^HTTP\/1\.1 400 /);
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
      assert.equal(endpoint.bodies.length, 1);
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

    it('delivers again after any other answer, later each time', async () => {
      const topic = await createPushTopic();
      endpoint.answers.push(500, 404, 302, 206);

      await topic.publishMessage({ json: {} });
      await standIn.idle();

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

      assert.equal(endpoint.bodies.length, 2);
    });

    it('delivers again when the endpoint was not there, and to the endpoint it is given then', async () => {
      const topic = await createTopic();
      const [subscription] = await topic.createSubscription('moved', { pushEndpoint: 'http://127.0.0.1:1/' });

      await topic.publishMessage({ json: {} });
      await waitFor(() => pushes(standIn) > 0);
      await subscription.modifyPushConfig({ pushEndpoint: endpoint.url });
      await standIn.idle();

      assert.equal(endpoint.bodies.length, 1);
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

    it('delivers twice when the acknowledgement is lost', async () => {
      const topic = await createPushTopic();
      standIn.faults.next('pubsub.push', failAfterEffect(503));

      await topic.publishMessage({ json: {} });
      await standIn.idle();

      const ids = endpoint.bodies.map(({ message }) => message.messageId);
      assert.deepEqual([ids.length, new Set(ids).size], [2, 1]);
    });
  });

  describe('pull', () => {
    it('answers what is there, and gives a message again when its deadline passed', async () => {
      const topic = await createTopic();
      const [{ name }] = await topic.createSubscription('pulled');
      const subscriber = new v1.SubscriberClient({ ...client.options, projectId: 'local' });
      const pull = async () =>
        (await subscriber.pull({ subscription: name, maxMessages: 5 }))[0].receivedMessages ?? [];
      assert.deepEqual(await pull(), []);

      const messageId = await topic.publishMessage({ json: { a: 1 }, attributes: { k: 'v' } });
      const [first] = await pull();
      assert.deepEqual(await pull(), []);
      let again = await pull();
      while (again.length === 0) again = await pull();
      const [second] = again;
      for (const ackId of [first?.ackId ?? '', second?.ackId ?? '']) {
        await subscriber.acknowledge({ subscription: name, ackIds: [ackId] });
      }
      await standIn.idle();

      assert.deepEqual([first?.message?.messageId, second?.message?.messageId], [messageId, messageId]);
      assert.deepEqual(JSON.parse(String(second?.message?.data)), { a: 1 });
      assert.deepEqual(second?.message?.attributes, { k: 'v' });
      assert.ok(Math.abs(Date.now() - Number(second?.message?.publishTime?.seconds) * 1000) < 60_000);
      assert.deepEqual(await pull(), []);
      await subscriber.close();
    });

    it('becomes push when an endpoint is set, with the messages that wait', async () => {
      const topic = await createTopic();
      const [subscription] = await topic.createSubscription('changing', { ackDeadlineSeconds: 30 });
      await topic.publishMessage({ json: {} });

      await subscription.modifyPushConfig({ pushEndpoint: endpoint.url });
      await standIn.idle();

      assert.equal(endpoint.bodies.length, 1);
      assert.equal((await subscription.getMetadata())[0].ackDeadlineSeconds, 30);
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
      await waitFor(() => endpoint.bodies.length === 2);
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
      await waitFor(() => endpoint.bodies.length === 1);
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
    this.#server = createServer(async (request, response) => {
      this.mostAtATime = Math.max(this.mostAtATime, ++this.#open);
      response.on('close', () => this.#open--);
      this.bodies.push((await json(request)) as PushBody);
      this.paths.push(request.url ?? '');
      this.times.push(performance.now());
      const answer = this.answers.shift() ?? 204;
      if (answer !== 'never') response.writeHead(answer).end();
    });
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

/** How many deliveries the emulator has begun. */
function pushes({ faults }: PubSubStandIn): number {
  return faults.calls.filter((call) => call === 'pubsub.push').length;
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

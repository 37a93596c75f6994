import assert from 'node:assert/strict';
import { PubSub, v1 } from '@google-cloud/pubsub';
import { parseBatchEvent } from '../../../shared/events/batch-event.ts';
import { decode } from '../../../shared/events/decode.ts';
import { createEvents, type Events } from '../../../shared/events/events.ts';
import { parseExtractEvent } from '../../../shared/events/extract-event.ts';
import { createPubSub } from '../../../shared/google/clients.ts';
import { dropAfterEffect, dropBefore, failAfterEffect, failBefore, hold } from '../../emulators/faults.ts';
import { type PubSubStandIn, startPubSub } from '../../emulators/pubsub/start-pub-sub.ts';
import { Mailbox } from '../../support/mailbox.ts';
import { until } from '../../support/until.ts';

const TOPICS = {
  extract: 'cdc-extract',
  merge: 'cdc-merge',
  stream: 'cdc-stream',
  reconcile: 'cdc-reconcile',
  deadLetter: 'cdc-dead-letter',
};

describe('events', () => {
  let standIn: PubSubStandIn;
  let client: PubSub;
  let events: Events;
  let mailboxes: Record<keyof typeof TOPICS, Mailbox>;

  beforeEach(async () => {
    standIn = await startPubSub({ minBackoffMs: 10, maxBackoffMs: 20 });
    process.env.PUBSUB_EMULATOR_HOST = standIn.host;
    process.env.METADATA_SERVER_DETECTION = 'none';
    client = new PubSub({ projectId: 'smart-project' });
    events = createEvents(() => createPubSub({ callTimeoutSeconds: 60 }), 'smart-project', TOPICS);
    mailboxes = {
      extract: await Mailbox.of(client, TOPICS.extract),
      merge: await Mailbox.of(client, TOPICS.merge),
      stream: await Mailbox.of(client, TOPICS.stream),
      reconcile: await Mailbox.of(client, TOPICS.reconcile),
      deadLetter: await Mailbox.of(client, TOPICS.deadLetter),
    };
  });
  afterEach(async () => {
    delete process.env.PUBSUB_EMULATOR_HOST;
    await client.close();
    await standIn.close();
  });

  it('request the extraction of a view, with the trigger', async () => {
    await events.requestExtract('pmr_project', 'continue');

    assert.deepEqual(await mailboxes.extract.take(), [{ view: 'pmr_project', trigger: 'continue' }]);
  });

  it('announce a batch to the function that applies it, without rows', async () => {
    await events.announceBatch('merge', 'pmr_project', 9007199254740993n);
    await events.announceBatch('stream', 'xyz_incident', 8n);

    assert.deepEqual(await mailboxes.merge.take(), [
      { view: 'pmr_project', etlTransactionId: '9007199254740993' },
    ]);
    assert.deepEqual(await mailboxes.stream.take(), [{ view: 'xyz_incident', etlTransactionId: '8' }]);
  });

  it('I8 dead-letter a permanent failure with its reason and advice', async () => {
    const letter = {
      functionName: 'merge',
      event: { view: 'x' },
      kind: 'invalid_event',
      message: 'no view source is named "x"',
      advice: 'Correct the payload.',
      view: 'x',
    };

    await events.publishDeadLetter(letter);

    assert.deepEqual(await mailboxes.deadLetter.take(), [letter]);
  });

  it('can be decoded by the functions', async () => {
    await events.requestExtract('pmr_project', 'continue');
    await events.announceBatch('merge', 'pmr_project', 7n);

    const [requested] = await mailboxes.extract.takeRaw();
    const [announced] = await mailboxes.merge.takeRaw();

    assert.deepEqual(parseExtractEvent(payloadOf(requested)), {
      command: 'extract',
      view: 'pmr_project',
      trigger: 'continue',
    });
    assert.deepEqual(parseBatchEvent(payloadOf(announced)), { view: 'pmr_project', etlTransactionId: 7n });
  });

  for (const [what, fault, copies] of [
    ['cannot be reached', failBefore(503), 1],
    ['is asked too much', failBefore(429), 1],
    ['drops the connection', dropBefore(), 1],
    ['stores the message and answers an error', failAfterEffect(503), 2],
    ['stores the message and its answer is lost', dropAfterEffect(), 2],
  ] as const) {
    it(`are published again when Pub/Sub ${what}: at least once, perhaps twice`, async () => {
      standIn.faults.next('pubsub.Publish', fault);

      await events.requestExtract('pmr_project', 'scheduler');

      const message = { view: 'pmr_project', trigger: 'scheduler' };
      assert.deepEqual(await mailboxes.extract.take(), Array(copies).fill(message));
      assert.deepEqual(standIn.faults.unused, []);
    });
  }

  it('are published again when Pub/Sub does not answer in time, which may store them twice (I8)', async () => {
    const patient = createEvents(() => createPubSub({ callTimeoutSeconds: 0.3 }), 'smart-project', TOPICS);
    const held = standIn.faults.holdNext('pubsub.Publish');

    await patient.requestExtract('pmr_project', 'scheduler');

    assert.equal((await mailboxes.extract.take()).length, 1);
    held.release();
    await until(async () => (await mailboxes.extract.take()).length === 1);
  });

  it('throw transient when Pub/Sub never answers, after two time-outs (I8)', async () => {
    const patient = createEvents(() => createPubSub({ callTimeoutSeconds: 0.3 }), 'smart-project', TOPICS);
    const held = [hold(), hold(), hold()];
    standIn.faults.next('pubsub.Publish', ...held);

    await assert.rejects(patient.requestExtract('pmr_project', 'scheduler'), {
      kind: 'transient',
      message: 'topic cdc-extract: no answer within 0.3 seconds',
    });

    assert.deepEqual(standIn.faults.calls.filter((call) => call === 'pubsub.Publish').length, 2);
    for (const each of held) each.release();
  });

  it('throw transient when the service keeps failing', async () => {
    const patient = createEvents(() => createPubSub({ callTimeoutSeconds: 0.3 }), 'smart-project', TOPICS);
    standIn.faults.next('pubsub.Publish', ...Array.from({ length: 50 }, () => failBefore(503)));

    await assert.rejects(patient.requestExtract('pmr_project', 'scheduler'), {
      kind: 'transient',
      message: /^topic cdc-extract: /,
      context: { code: '14' },
    });
  });

  it('request the extraction of many views in one call, and of thousands in a few', async () => {
    const calls = () => standIn.faults.calls.filter((call) => call === 'pubsub.Publish').length;
    const views = Array.from({ length: 2001 }, (_, n) => `view_${n}`);

    await events.requestExtracts(views.slice(0, 20), 'scheduler');
    assert.equal(calls(), 1);
    assert.equal((await mailboxes.extract.take()).length, 20);
    await events.requestExtracts(views, 'scheduler');

    assert.equal(calls(), 4);
    assert.deepEqual(
      new Set(((await mailboxes.extract.take()) as { view: string }[]).map(({ view }) => view)),
      new Set(views),
    );
    await events.requestExtracts([], 'scheduler');
    assert.equal(calls(), 4);
  });

  it('store the other calls of thousands when one is refused, and throw then', async () => {
    standIn.faults.next('pubsub.Publish', failBefore(403));

    const views = Array.from({ length: 1001 }, (_, n) => `view_${n}`);
    await assert.rejects(events.requestExtracts(views, 'scheduler'), { kind: 'unauthorized' });

    const stored = (await mailboxes.extract.take()).length;
    assert.ok(stored === 1 || stored === 1000, `${stored} are stored`);
  });

  it('carry the trace of their request', async () => {
    const [topic, name] = [client.topic(TOPICS.extract), 'traced'];
    await topic.createSubscription(name);
    const subscriber = new v1.SubscriberClient({ ...client.options, projectId: 'smart-project' });
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

    await events.withTrace(traceparent).requestExtract('pmr_project', 'scheduler');

    const subscription = `projects/smart-project/subscriptions/${name}`;
    const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 1 });
    assert.deepEqual(receivedMessages?.[0]?.message?.attributes, { traceparent });
    await subscriber.close();
  });

  it('throw an error that names a missing topic', async () => {
    await client.topic(TOPICS.merge).delete();

    await assert.rejects(events.announceBatch('merge', 'pmr_project', 1n), {
      kind: 'configuration',
      message: /^topic cdc-merge: Resource not found/,
      advice: /^Create what the message names/,
    });
  });

  it('throw unauthorized for a missing permission', async () => {
    standIn.faults.next('pubsub.Publish', failBefore(403));

    await assert.rejects(events.requestExtract('pmr_project', 'x'), {
      kind: 'unauthorized',
      message: /^topic cdc-extract: /,
      advice: /^Give the service account of the function the role/,
    });
  });

  it('throw transient when an answer does not name the stored messages', async () => {
    const odd = createEvents(async () => ({ request: async () => ({}) }), 'smart-project', TOPICS);

    await assert.rejects(odd.requestExtract('pmr_project', 'x'), { kind: 'transient' });
  });

  it('list their missing topics', async () => {
    assert.deepEqual(await events.missingTopics(), []);
    await client.topic(TOPICS.stream).delete();
    await client.topic(TOPICS.deadLetter).delete();

    assert.deepEqual(await events.missingTopics(), ['cdc-stream', 'cdc-dead-letter']);
    standIn.faults.next('pubsub.GetTopic', failBefore(403));
    await assert.rejects(events.missingTopics(), { kind: 'unauthorized', message: /^topic cdc-extract: / });
  });

  it('refuse a malformed address of an emulator', async () => {
    process.env.PUBSUB_EMULATOR_HOST = 'http://127.0.0.1:1';
    const config = { callTimeoutSeconds: 60 };

    await assert.rejects(createPubSub(config), {
      kind: 'environment',
      message: 'PUBSUB_EMULATOR_HOST must have the form host:port',
    });
    process.env.PUBSUB_EMULATOR_HOST = '[::1]:8085';
    await createPubSub(config);
  });
});

function payloadOf(data: string | undefined): unknown {
  const body = { message: { data, messageId: '1' }, subscription: 's' };
  return decode(body, JSON.stringify(body).length).payload;
}

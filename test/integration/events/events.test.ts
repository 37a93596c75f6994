import assert from 'node:assert/strict';
import { PubSub } from '@google-cloud/pubsub';
import { parseBatchEvent } from '../../../shared/events/batch-event.ts';
import { decode } from '../../../shared/events/decode.ts';
import { createEvents, type Events } from '../../../shared/events/events.ts';
import { parseExtractEvent } from '../../../shared/events/extract-event.ts';
import { failAfterEffect, failBefore } from '../../emulators/faults.ts';
import { type PubSubStandIn, startPubSub } from '../../emulators/pubsub/start-pub-sub.ts';
import { Mailbox } from '../../support/mailbox.ts';

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
    events = createEvents(async () => client, TOPICS);
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

  it('are published again when Pub/Sub does not answer: at least once, perhaps twice', async () => {
    standIn.faults.next('pubsub.Publish', failBefore('UNAVAILABLE'), failAfterEffect('UNAVAILABLE'));

    await events.requestExtract('pmr_project', 'scheduler');

    assert.deepEqual(await mailboxes.extract.take(), [
      { view: 'pmr_project', trigger: 'scheduler' },
      { view: 'pmr_project', trigger: 'scheduler' },
    ]);
  });

  it('throw an error that names a missing topic', async () => {
    await client.topic(TOPICS.merge).delete();

    await assert.rejects(events.announceBatch('merge', 'pmr_project', 1n), {
      kind: 'configuration',
      message: /^topic cdc-merge: /,
    });
  });

  it('throw unauthorized for a missing permission', async () => {
    standIn.faults.next('pubsub.Publish', failBefore('PERMISSION_DENIED'));

    await assert.rejects(events.requestExtract('pmr_project', 'x'), {
      kind: 'unauthorized',
      message: /cdc-extract/,
    });
  });

  it('list their missing topics', async () => {
    assert.deepEqual(await events.missingTopics(), []);
    await client.topic(TOPICS.stream).delete();
    await client.topic(TOPICS.deadLetter).delete();

    assert.deepEqual(await events.missingTopics(), ['cdc-stream', 'cdc-dead-letter']);
  });
});

function payloadOf(data: string | undefined): unknown {
  const body = { message: { data, messageId: '1' }, subscription: 's' };
  return decode(body, JSON.stringify(body).length).payload;
}

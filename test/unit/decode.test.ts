import assert from 'node:assert/strict';
import { decode } from '../../shared/events/decode.ts';

const encoded = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** What Pub/Sub pushes: the body of a binary CloudEvent of Eventarc, whose ce- headers say nothing more. */
const pushed = (text: string) => ({
  message: {
    data: encoded(text),
    messageId: '11640713458',
    message_id: '11640713458',
    publishTime: '2026-01-02T03:04:05.678Z',
    publish_time: '2026-01-02T03:04:05.678Z',
    attributes: {},
  },
  subscription: 'projects/smart-project/subscriptions/eventarc-extract',
});

const FROM_PUBSUB = { from: 'pubsub', payload: { view: 'pmr_project' }, messageId: '11640713458' };

describe('decode', () => {
  it('takes a binary CloudEvent of Eventarc, which is a Pub/Sub push with headers', () => {
    assert.deepEqual(decode(pushed('{"view":"pmr_project"}'), 400), FROM_PUBSUB);
  });

  it('takes a structured CloudEvent', () => {
    const event = {
      specversion: '1.0',
      id: '11640713458',
      source: '//pubsub.googleapis.com/projects/smart-project/topics/cdc-extract',
      type: 'google.cloud.pubsub.topic.v1.messagePublished',
      time: '2026-01-02T03:04:05.678Z',
      datacontenttype: 'application/json',
      data: pushed('{"view":"pmr_project"}'),
    };

    assert.deepEqual(decode(event, 700), FROM_PUBSUB);
  });

  it('takes a raw push as an emulator sends it, with either name of the message id', () => {
    const message = { data: encoded('{"view":"pmr_project"}') };

    assert.deepEqual(decode({ message: { ...message, message_id: '7' } }, 90), {
      ...FROM_PUBSUB,
      messageId: '7',
    });
    assert.deepEqual(decode({ message }, 90), { ...FROM_PUBSUB, messageId: null });
  });

  it('takes the plain JSON of a manual call, parsed already or as text', () => {
    const manual = { from: 'manual', payload: { view: 'pmr_project' }, messageId: null };

    assert.deepEqual(decode({ view: 'pmr_project' }, 22), manual);
    assert.deepEqual(decode('{"view":"pmr_project"}', 22), manual);
    assert.deepEqual(decode(Buffer.from('{"view":"pmr_project"}'), 22), manual);
  });

  it('takes nothing for the empty request', () => {
    const nothing = { from: 'manual', payload: {}, messageId: null };

    for (const body of [undefined, null, {}, '', ' \n', Buffer.alloc(0)])
      assert.deepEqual(decode(body, 0), nothing);
    assert.deepEqual(decode(pushed(''), 300).payload, {});
    assert.deepEqual(decode({ message: { attributes: {}, messageId: '7' } }, 60), {
      from: 'pubsub',
      payload: {},
      messageId: '7',
    });
  });

  it('keeps letters of all alphabets', () => {
    assert.deepEqual(decode(pushed('{"trigger":"täglich ☂ 日次"}'), 300).payload, {
      trigger: 'täglich ☂ 日次',
    });
  });

  it('refuses what is not JSON, and says so', () => {
    for (const body of ['{"view":', Buffer.from('hello'), pushed('not json')]) {
      assert.throws(() => decode(body, 30), { kind: 'invalid_event', message: /^the event is not JSON: / });
    }
  });

  it('refuses what is larger than an Eventarc event can be', () => {
    const limit = 512 * 1024;

    assert.equal(decode({}, limit).from, 'manual');
    assert.throws(() => decode({}, limit + 1), {
      kind: 'invalid_event',
      message: /524289 bytes; 524288 are the most/,
    });
  });
});

import assert from 'node:assert/strict';
import { decode } from '../../../shared/events/decode.ts';

const encoded = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** The body of a Pub/Sub push, and of a binary CloudEvent from Eventarc, whose ce- headers add nothing. */
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

const FROM_PUBSUB = {
  from: 'pubsub',
  payload: { view: 'pmr_project' },
  messageId: '11640713458',
  traceparent: null,
  fault: null,
};

describe('decode', () => {
  it('decodes a binary CloudEvent from Eventarc, which is a Pub/Sub push with headers', () => {
    assert.deepEqual(decode(pushed('{"view":"pmr_project"}'), 400), FROM_PUBSUB);
  });

  it('decodes a structured CloudEvent', () => {
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

  it('decodes a raw push from an emulator, with either name of the message id', () => {
    const message = { data: encoded('{"view":"pmr_project"}') };

    assert.deepEqual(decode({ message: { ...message, message_id: '7' } }, 90), {
      ...FROM_PUBSUB,
      messageId: '7',
    });
    assert.deepEqual(decode({ message }, 90), { ...FROM_PUBSUB, messageId: null });
  });

  it('decodes the plain JSON of a manual call, already parsed or as text', () => {
    const manual = {
      from: 'manual',
      payload: { view: 'pmr_project' },
      messageId: null,
      traceparent: null,
      fault: null,
    };

    assert.deepEqual(decode({ view: 'pmr_project' }, 22), manual);
    assert.deepEqual(decode('{"view":"pmr_project"}', 22), manual);
    assert.deepEqual(decode(Buffer.from('{"view":"pmr_project"}'), 22), manual);
  });

  it('returns the trace that a message continues', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const push = (attributes: unknown) => ({ message: { ...pushed('{}').message, attributes } });

    assert.equal(decode(push({ traceparent }), 300).traceparent, traceparent);
    for (const attributes of [{}, { traceparent: 7 }, null, undefined, 'traceparent']) {
      assert.equal(decode(push(attributes), 300).traceparent, null);
    }
  });

  it('refuses a call by hand without a body, which would pass for a tick', () => {
    for (const [body, bytes] of [
      [undefined, 0],
      [null, 0],
      // What the framework makes of no body.
      [{}, 0],
      ['', 0],
      [' \n', 2],
      [Buffer.alloc(0), 0],
    ] as const) {
      const { from, fault } = decode(body, bytes);
      assert.deepEqual(
        [from, fault?.kind, fault?.message],
        ['manual', 'invalid_event', 'the request has no body'],
      );
    }
    assert.equal(decode({}, 2).fault, null);
  });

  it('treats an empty message as an empty object', () => {
    assert.deepEqual(decode(pushed(''), 300).payload, {});
    assert.deepEqual(decode({ message: { attributes: {}, messageId: '7' } }, 60), {
      from: 'pubsub',
      payload: {},
      messageId: '7',
      traceparent: null,
      fault: null,
    });
  });

  it('keeps characters of all scripts', () => {
    assert.deepEqual(decode(pushed('{"trigger":"täglich ☂ 日次"}'), 300).payload, {
      trigger: 'täglich ☂ 日次',
    });
  });

  it('reports a body that is not JSON, keeps it, and still knows its origin', () => {
    for (const [body, from, payload] of [
      ['{"view":', 'manual', '{"view":'],
      [Buffer.from('hello'), 'manual', 'hello'],
      [pushed('not json'), 'pubsub', 'not json'],
    ] as const) {
      const { fault, ...delivery } = decode(body, 30);

      assert.partialDeepStrictEqual(delivery, { from, payload });
      assert.equal(fault?.kind, 'invalid_event');
      assert.match(fault.message, /^the event is not JSON: /);
    }
  });

  it('reports a body that is larger than an Eventarc event can be, and drops it', () => {
    const limit = 512 * 1024;

    assert.equal(decode({}, limit).fault, null);
    for (const [body, from] of [
      [{ view: 'x' }, 'manual'],
      [pushed('{"view":"x"}'), 'pubsub'],
    ] as const) {
      const { fault, ...delivery } = decode(body, limit + 1);

      assert.partialDeepStrictEqual(delivery, { from, payload: null });
      assert.equal(fault?.message, 'the event has 524289 bytes; the limit is 524288');
    }
  });
});

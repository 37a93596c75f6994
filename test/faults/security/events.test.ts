import assert from 'node:assert/strict';
import type { FunctionName } from '../../local/functions.ts';
import { pushed } from '../../support/pushed.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import { useInstallation } from '../../support/use-installation.ts';

const LIMIT_BYTES = 512 * 1024;
const NAMES: FunctionName[] = ['extract', 'merge', 'reconcile', 'stream'];
const VALID: Record<FunctionName, object> = {
  extract: { view: 'pmr_project' },
  merge: { view: 'pmr_project', etlTransactionId: '1' },
  reconcile: { view: 'pmr_project' },
  stream: { view: 'pmr_project', etlTransactionId: '1' },
};

type Envelope = { wrap: (event: object) => object; headers: Record<string, string>; isByHand: boolean };

/** The forms in which a function receives an event. */
const ENVELOPES: Record<string, Envelope> = {
  'a push of Pub/Sub': { wrap: pushed, headers: {}, isByHand: false },
  'a binary CloudEvent': {
    wrap: pushed,
    headers: {
      'ce-id': '1',
      'ce-specversion': '1.0',
      'ce-type': 'google.cloud.pubsub.topic.v1.messagePublished',
      'ce-source': '//pubsub.googleapis.com/projects/p/topics/t',
    },
    isByHand: false,
  },
  'a structured CloudEvent': {
    wrap: (event) => ({
      ...{ specversion: '1.0', id: '1', source: '//pubsub.googleapis.com/projects/p/topics/t' },
      type: 'google.cloud.pubsub.topic.v1.messagePublished',
      data: pushed(event),
    }),
    headers: { 'content-type': 'application/cloudevents+json' },
    isByHand: false,
  },
  'a call by hand': { wrap: (event) => event, headers: {}, isByHand: true },
};

describe('I8 I12 an invalid event', () => {
  const { on, stack } = useInstallation({ per: 'file' });
  let functions: RunningFunctions;

  before(async () => {
    functions = await RunningFunctions.start(NAMES, on.parts.env);
    stack.onStop(() => functions.stop());
  });
  beforeEach(async () => {
    await on.control.query('truncate etl.etl_error');
    await on.mailboxes.deadLetter.take();
  });

  const post = async (name: FunctionName, { wrap, headers }: Envelope, event: object) => {
    const response = await functions.post(name, wrap(event), headers);
    const { error } = (await response.json()) as { error: { kind: string; message: string } };
    return { status: response.status, ...error };
  };

  const REFUSED: Record<string, { event: (name: FunctionName) => object; message: RegExp }> = {
    'with an unknown field': {
      event: (name) => ({ ...VALID[name], rows: [1] }),
      message: /Unrecognized key: "rows"/,
    },
    'with fields of several commands': {
      event: (name) => ({ ...VALID[name], check: true, dryRun: true }),
      message: /Unrecognized key/,
    },
    'that is larger than an Eventarc event': {
      event: (name) => ({ ...VALID[name], trigger: 'x'.repeat(LIMIT_BYTES) }),
      message: /^the event has \d+ bytes; the limit is 524288$/,
    },
  };
  for (const name of NAMES) {
    for (const [form, envelope] of Object.entries(ENVELOPES)) {
      for (const [what, { event, message }] of Object.entries(REFUSED)) {
        it(`${what} is refused by ${name} in ${form}, and has no other effect`, async () => {
          const answer = await post(name, envelope, event(name));

          assert.partialDeepStrictEqual(answer, {
            status: envelope.isByHand ? 400 : 200,
            kind: 'invalid_event',
          });
          assert.match(answer.message, message);
          const errors = await on.errors();
          assert.deepEqual(
            errors.map(({ kind, function_name }) => [kind, function_name]),
            envelope.isByHand ? [] : [['invalid_event', name]],
          );
          for (const { event: kept } of errors) assert.ok(String(kept).length < 1_000);
          assert.equal((await on.mailboxes.deadLetter.take()).length, errors.length);
          assert.deepEqual(await on.batches(), []);
          assert.equal(await on.haltedReason(), null);
        });
      }
    }
  }
});

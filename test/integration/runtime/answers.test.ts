import assert from 'node:assert/strict';
import { failBefore } from '../../emulators/faults.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';

/** How a deployed function answers: each is a process of its own under the Functions Framework. */
describe('the answer of a running function', () => {
  const { on, stack } = useInstallation({ per: 'file' });
  const printed: string[] = [];
  let functions: RunningFunctions;

  before(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    functions = await RunningFunctions.start(
      ['extract', 'merge'],
      { ...on.parts.env, LOG_LEVEL: 'info' },
      (line) => printed.push(line),
    );
    stack.onStop(() => functions.stop());
  });
  beforeEach(() => printed.splice(0));

  const send = async (init: RequestInit) => {
    const response = await fetch(functions.urlOf('extract'), init);
    const text = await response.text();
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/, text);
    assert.doesNotMatch(text, /\n {4}at |node_modules/);
    return { status: response.status, body: JSON.parse(text), headers: response.headers };
  };
  const views = async () => (await functions.call('extract', { status: true })).views as unknown[];

  describe('to something that is not JSON', () => {
    for (const [what, body, headers] of [
      ['cut off', '{"view":', { 'content-type': 'application/json' }],
      ['in single quotes', '\'{"status":true}\'', { 'content-type': 'application/json' }],
      ['a CloudEvent that is cut off', '{"specversion":', { 'content-type': 'application/cloudevents+json' }],
      ['of an unknown charset', '{"view":', { 'content-type': 'application/json; charset=klingon' }],
      ['of an unknown encoding', '{"view":', { 'content-type': 'application/json', 'content-encoding': 'x' }],
      ['said to be compressed', '{"view":', { 'content-type': 'text/plain', 'content-encoding': 'gzip' }],
      ['a form', '{"view":', { 'content-type': 'application/x-www-form-urlencoded' }],
      ['of an invalid type', '{"view":', { 'content-type': 'a b c' }],
    ] as const) {
      it(`is an error as JSON, with advice: ${what}`, async () => {
        const { status, body: answer } = await send({ method: 'POST', body, headers });

        assert.equal(status, 400);
        assert.equal(answer.error.kind, 'invalid_event');
        assert.match(answer.error.message, /^the event is not JSON: /);
        assert.match(answer.error.advice, /\{"status":true\}/);
        assert.deepEqual(
          printed.filter((line) => !line.startsWith('{')),
          [],
        );
      });
    }
  });

  for (const contentType of ['text/plain', 'application/x-www-form-urlencoded', 'a b c']) {
    it(`is the same for JSON of content type ${contentType}, as curl sends it`, async () => {
      const headers = { 'content-type': contentType };
      const { status, body } = await send({ method: 'POST', body: '{"status":true}', headers });

      assert.deepEqual([status, body.outcome], [200, 'status']);
    });
  }

  it('to an empty body, as of a file that could not be read, is a refusal, and no tick', async () => {
    await on.mailboxes.extract.take();
    for (const body of ['', ' \n']) {
      const { status, body: answer } = await send({ method: 'POST', body });
      assert.deepEqual([status, answer.error.message], [400, 'the request has no body']);
    }
    assert.deepEqual(await on.mailboxes.extract.take(), []);
  });

  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    it(`to ${method} is a refusal, and nothing happens`, async () => {
      const before = await views();
      await on.mailboxes.extract.take();

      const { status, body, headers } = await send({ method });

      assert.deepEqual([status, headers.get('allow')], [405, 'POST']);
      assert.match(body.error.message, new RegExp(method));
      assert.match(body.error.advice, /POST/);
      assert.deepEqual(await on.mailboxes.extract.take(), []);
      assert.equal((await views()).length, before.length);
    });
  }

  describe('to a call by hand that fails for a passing reason', () => {
    const answer = async (name: 'extract' | 'merge', payload: object, how: 'call' | 'push' = 'call') => {
      const { error } = (await functions[how](name, payload)) as { error?: Record<string, string> };
      return `${error?.kind}: ${error?.advice}`;
    };
    /** The source takes no connection of the functions while `work` runs. */
    const withoutSource = async <T>(work: () => Promise<T>): Promise<T> => {
      await on.source.database.query('alter role reader connection limit 0');
      await on.source.database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'`,
      );
      return await work().finally(() => on.source.database.query('alter role reader connection limit -1'));
    };
    const messages = () => printed.map((line) => (JSON.parse(line) as { message: string }).message);

    it('says that nothing was changed, and to call again', async () => {
      await withoutSource(async () => {
        const keys = { view: VIEW, keys: [1] };
        assert.match(
          await answer('extract', keys),
          /^transient: Nothing was changed\. Call again\. If it lasts: run .* alter role "reader" connection limit -1;$/,
        );
        assert.match(
          await answer('extract', { view: VIEW }),
          /^transient: Nothing was changed in the target\. Call again/,
        );
      });

      assert.deepEqual(messages(), ['call failed', 'call failed']);
    });

    it('says that it is retried only to Pub/Sub, which does so', async () => {
      await withoutSource(async () => {
        assert.match(
          await answer('extract', { view: VIEW }, 'push'),
          /^transient: Nothing to do: it will be retried\. If it lasts: run /,
        );
      });

      assert.deepEqual(messages(), ['will retry']);
    });

    it('does not say that nothing was applied, for a batch', async () => {
      const { etlTransactionId } = await functions.call('extract', { view: VIEW });
      stack.bigquery.faults.next('bigquery.jobs.insert', ...Array.from({ length: 4 }, () => failBefore(401)));
      const failed = await answer('merge', { view: VIEW, etlTransactionId });
      assert.match(failed, /^unauthorized: /);
      stack.bigquery.faults.clear();
      await on.control.query(`update etl.etl_transaction set state = 'extracting' where id = $1`, [
        etlTransactionId,
      ]);

      assert.match(
        await answer('merge', { view: VIEW, etlTransactionId }),
        /^transient: Call again: .*not applied twice/,
      );

      await on.control.query(`update etl.etl_transaction set state = 'staged' where id = $1`, [
        etlTransactionId,
      ]);
      assert.equal((await functions.call('merge', { view: VIEW, etlTransactionId })).outcome, 'applied');
    });

    it('says what was recorded, when only the message for it could not be sent', async () => {
      await on.parts.pubsub.topic('cdc-extract').delete();
      const { error } = (await functions.call('extract', { view: VIEW, resync: true })) as {
        error?: Record<string, string>;
      };
      await on.parts.pubsub.createTopic('cdc-extract');

      assert.match(String(error?.advice), /^What you asked for is recorded/);
      const [view] = ((await functions.call('extract', { status: true, view: VIEW })).views ?? []) as {
        resyncRequested: boolean;
      }[];
      assert.equal(view?.resyncRequested, true);
    });
  });
});

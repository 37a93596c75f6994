import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { extract } from '../../../functions/extract/extract.ts';
import { merge } from '../../../functions/merge/merge.ts';
import { failBefore } from '../../emulators/faults.ts';
import { ENTRIES } from '../../support/installation.ts';
import { pushed } from '../../support/pushed.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { UNFIT, UNREADABLE } from './impossible-events.ts';

http('extract', extract);
http('merge', merge);

type Answer = { status: number; body: Record<string, unknown> & { error?: Record<string, unknown> } };

describe('the functions over HTTP', () => {
  const { on, stack } = useInstallation({ per: 'file' });
  let servers: Record<'extract' | 'merge', Server>;

  before(async () => {
    // A process has one environment, from which it makes its dependencies at the first request.
    Object.assign(process.env, on.parts.env);
    servers = { extract: getTestServer('extract'), merge: getTestServer('merge') };
    for (const server of Object.values(servers)) await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  after(() => {
    for (const server of Object.values(servers)) {
      server.close();
      server.closeAllConnections();
    }
    for (const name of Object.keys(on.parts.env)) delete process.env[name];
  });
  beforeEach(async () => {
    await on.control.query('truncate etl.etl_error');
    await on.dependencies.control.viewStops.resume('pmr_project');
    for (const mailbox of Object.values(on.mailboxes)) await mailbox.take();
  });

  const addressOf = (name: 'extract' | 'merge') =>
    `http://127.0.0.1:${(servers[name].address() as AddressInfo).port}/`;
  const postText = async (
    name: 'extract' | 'merge',
    body: string,
    contentType = 'application/json',
  ): Promise<Answer> => {
    const response = await fetch(addressOf(name), {
      method: 'POST',
      headers: { 'content-type': contentType },
      body,
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  };
  const post = (name: 'extract' | 'merge', body: unknown, contentType?: string) =>
    postText(name, JSON.stringify(body), contentType);
  const push = (name: 'extract' | 'merge', text: string) => post(name, pushed(text));
  const ids = { next: 1 };
  const addProject = async () => {
    const id = ids.next++;
    await on.source.add('app_project', { id, name: `project ${id}` });
    return id;
  };
  /** Changes a project that is loaded. */
  const changeProject = async () => {
    const id = await addProject();
    await on.replicate();
    await on.source.change('app_project', id, { name: 'changed' });
  };

  it('answer a manual call with the outcome as JSON', async () => {
    await addProject();

    const extracted = await post('extract', { view: 'pmr_project' });

    assert.partialDeepStrictEqual(extracted, {
      status: 200,
      body: { outcome: 'staged', view: 'pmr_project', kind: 'initial', upserts: 1 },
    });
    const { view, etlTransactionId } = extracted.body;
    assert.partialDeepStrictEqual(await post('merge', { view, etlTransactionId }), {
      status: 200,
      body: { outcome: 'applied', added: '1', changed: '0', deleted: '0' },
    });
    assert.equal((await post('merge', { view, etlTransactionId })).body.outcome, 'already finished');
    await on.assertEqual();
  });

  it('accept a Pub/Sub push and a structured CloudEvent', async () => {
    await addProject();
    const extracted = await push('extract', '{"view":"pmr_project"}');
    assert.deepEqual([extracted.status, extracted.body.outcome], [200, 'staged']);
    const [announced] = await on.mailboxes.merge.take();

    const merged = await post(
      'merge',
      {
        specversion: '1.0',
        id: '1',
        type: 'google.cloud.pubsub.topic.v1.messagePublished',
        source: '//pubsub.googleapis.com/projects/p/topics/cdc-merge',
        data: pushed(announced),
      },
      'application/cloudevents+json',
    );

    assert.deepEqual([merged.status, merged.body.outcome], [200, 'applied']);
    await on.assertEqual();
  });

  it('replicate all views after one tick, through their own messages alone', async () => {
    await addProject();
    await on.source.add('app_site', { id: 1, name: 'depot' });
    for (const name of ['extract', 'merge'] as const) {
      await on.parts.pubsub
        .topic(`cdc-${name}`)
        .createSubscription(`push-${name}`, { pushEndpoint: addressOf(name) });
    }

    await on.parts.pubsub.topic('cdc-extract').publishMessage({ json: { trigger: 'scheduler' } });
    await stack.idle(on);

    await on.assertEqual();
    assert.deepEqual(
      (await on.visible('site')).map(({ name }) => name),
      ['depot'],
    );
    assert.equal((await on.batches('pmr_site'))[0]?.trigger, 'scheduler');
    for (const name of ['extract', 'merge']) await on.parts.pubsub.subscription(`push-${name}`).delete();
  });

  it('I8 receive a merge event again that arrived while its batch was being extracted', async () => {
    await changeProject();
    const held = stack.bigquery.faults.holdNext('bigquery.job.load');
    const extracting = post('extract', { view: 'pmr_project' });
    await held.reached;
    const [batch] = (await on.batches()).slice(-1);
    const event = JSON.stringify({ view: 'pmr_project', etlTransactionId: batch?.id });

    const early = await push('merge', event);
    held.release();
    await extracting;

    assert.deepEqual([early.status, early.body.error?.kind], [503, 'transient']);
    assert.deepEqual(await on.errors(), []);
    assert.equal((await push('merge', event)).body.outcome, 'applied');
  });

  describe('I8 an event that can never be handled', () => {
    for (const { what, functionName, payload, message } of [...UNREADABLE, ...UNFIT]) {
      it(`${what} is recorded, dead-lettered and acknowledged, once`, async () => {
        const answer = await push(functionName, payload);

        assert.equal(answer.status, 200);
        assert.equal(answer.body.error?.kind, 'invalid_event');
        assert.match(String(answer.body.error?.message), message);
        const [error, ...more] = await on.errors();
        assert.deepEqual([error?.function_name, error?.kind, more], [functionName, 'invalid_event', []]);
        assert.match(String(error?.message), message);
        const [letter, ...others] = (await on.mailboxes.deadLetter.take()) as Record<string, unknown>[];
        assert.deepEqual([letter?.functionName, others], [functionName, []]);
        assert.match(String(letter?.message), message);
        assert.equal(await on.haltedReason(), null);
      });
    }

    it('is refused with advice in a manual call, and is not dead-lettered', async () => {
      const answer = await post('extract', { view: 'x' });

      assert.deepEqual(answer, {
        status: 400,
        body: {
          error: {
            kind: 'invalid_event',
            message: 'no view source is named "x"',
            advice: 'The configuration has: pmr_project, pmr_site.',
          },
        },
      });
      assert.deepEqual([await on.errors(), await on.mailboxes.deadLetter.take()], [[], []]);
    });

    for (const { what, functionName, payload, message } of UNFIT) {
      it(`${what} is refused in a manual call, and nothing of it is recorded`, async () => {
        const answer = await postText(functionName, payload);

        assert.deepEqual([answer.status, answer.body.error?.kind], [400, 'invalid_event']);
        assert.match(String(answer.body.error?.message), message);
        assert.deepEqual([await on.errors(), await on.mailboxes.deadLetter.take()], [[], []]);
      });
    }

    it('is dead-lettered once, by a later tick, when its dead letter could not be published', async () => {
      stack.pubsub.faults.next('pubsub.Publish', failBefore('PERMISSION_DENIED'));

      assert.equal((await push('extract', '{"view":"x"}')).status, 200);

      assert.equal((await on.errors()).length, 1);
      assert.deepEqual(await on.mailboxes.deadLetter.take(), []);
      await on.control.query(
        `update etl.etl_error set dead_letter_due_at = dead_letter_due_at - interval '1 hour'`,
      );
      for (let ticks = 0; ticks < 2; ticks += 1) await push('extract', '{}');
      const [letter, ...others] = (await on.mailboxes.deadLetter.take()) as Record<string, unknown>[];
      assert.partialDeepStrictEqual(letter, { functionName: 'extract', event: { view: 'x' } });
      assert.deepEqual(others, []);
    });

    it('is delivered again when it could not be recorded', async () => {
      await on.control.query('alter table etl.etl_error rename to gone');

      assert.equal((await push('extract', '{"view":"x"}')).status, 503);

      await on.control.query('alter table etl.gone rename to etl_error');
      assert.equal((await push('extract', '{"view":"x"}')).status, 200);
      assert.equal((await on.errors()).length, 1);
    });
  });

  describe('I8 a failure that needs an operator', () => {
    beforeEach(() => on.source.database.query('alter sequence models_logging_change_id_seq cache 20'));
    afterEach(() => on.source.database.query('alter sequence models_logging_change_id_seq cache 1'));

    it('halts the view, is recorded once and dead-lettered, and then acknowledged', async () => {
      const answer = await push('extract', '{"view":"pmr_project"}');

      assert.deepEqual([answer.status, answer.body.error?.kind], [200, 'source_refused']);
      assert.equal((await on.errors()).length, 1);
      assert.equal((await on.mailboxes.deadLetter.take()).length, 1);
      assert.match(String(await on.haltedReason()), /CACHE 20/);
      assert.deepEqual(await post('extract', { view: 'pmr_project', resume: true }), {
        status: 200,
        body: { outcome: 'resumed', view: 'pmr_project' },
      });
      assert.equal(await on.haltedReason(), null);
    });

    it('halts the view and is recorded in a manual call, whose answer gives advice', async () => {
      const { status, body } = await post('extract', { view: 'pmr_project' });

      assert.deepEqual([status, body.error?.kind], [400, 'source_refused']);
      assert.match(String(body.error?.advice), /alter sequence/);
      assert.match(String(await on.haltedReason()), /CACHE 20/);
      assert.equal((await on.errors()).length, 1);
      const letters = await on.mailboxes.deadLetter.take();
      assert.equal(letters.length, 1);
    });
  });

  it('I8 record a missing permission once, however often the event is delivered', async () => {
    await addProject();
    await on.source.database.query('alter table models_logging_change enable row level security');

    const answers = [
      await push('extract', '{"view":"pmr_project"}'),
      await push('extract', '{"view":"pmr_project"}'),
    ];

    for (const { status, body } of answers) {
      assert.deepEqual([status, body.error?.kind], [503, 'unauthorized']);
      assert.match(String(body.error?.message), /row-level security/);
    }
    assert.equal((await on.errors()).length, 1);
    assert.deepEqual([await on.haltedReason(), await on.mailboxes.deadLetter.take()], [null, []]);
    await on.source.database.query('alter table models_logging_change disable row level security');
    const { body } = await push('extract', '{"view":"pmr_project"}');
    await post('merge', { view: 'pmr_project', etlTransactionId: body.etlTransactionId });
    await on.assertEqual();
    assert.ok((await on.errors())[0]?.resolved_at, 'the failure must be resolved');
  });

  it('I4 acknowledge an event whose step another process has taken over', async () => {
    await changeProject();
    const held = stack.bigquery.faults.holdNext('bigquery.job.load');
    const extracting = push('extract', '{"view":"pmr_project"}');
    await held.reached;
    await on.control.query('update etl.lease set token = gen_random_uuid(), expires_at = now()');
    held.release();

    const answer = await extracting;

    assert.deepEqual([answer.status, answer.body.error?.kind], [200, 'superseded']);
    assert.deepEqual(await on.errors(), []);
    const again = await post('extract', { view: 'pmr_project' });
    await post('merge', { view: 'pmr_project', etlTransactionId: again.body.etlTransactionId });
    await on.assertEqual();
  });

  it('import a configuration, check it, and forecast a tick', async () => {
    const imported = await post('extract', { import: ENTRIES });
    const checked = await post('extract', { check: true });
    const forecast = await post('extract', { dryRun: true });

    assert.deepEqual(imported, {
      status: 200,
      body: {
        outcome: 'imported',
        views: ['pmr_project', 'pmr_site'],
        resyncs: [],
        effects: [],
        warnings: [],
      },
    });
    assert.deepEqual([checked.status, checked.body.outcome], [200, 'ready']);
    assert.equal((forecast.body.views as unknown[]).length, 2);
  });

  it('do nothing for a request that is no POST', async () => {
    const response = await fetch(addressOf('extract'));

    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST']);
    assert.equal(((await response.json()) as Answer['body']).error?.kind, 'invalid_event');
    assert.deepEqual(await on.mailboxes.extract.take(), []);
  });

  it('fetch given keys', async () => {
    await on.source.database.query(`update app_project set name = 'unlogged' where id = 1`);

    const { status, body } = await post('extract', { view: 'pmr_project', keys: [1] });
    const extracted = await post('extract', { view: 'pmr_project' });

    assert.deepEqual([status, body.outcome, body.keysQueued], [200, 'keys queued', 1]);
    assert.deepEqual([extracted.body.kind, extracted.body.upserts], ['backfill', 1]);
    await post('merge', { view: 'pmr_project', etlTransactionId: extracted.body.etlTransactionId });
    await on.assertEqual();
  });
});

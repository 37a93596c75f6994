import assert from 'node:assert/strict';
import { INCIDENTS, PROJECT, useOperator } from './use-operator.ts';

describe('an operator', () => {
  const { on, ask } = useOperator();

  it('has recently logged keys fetched once more', async () => {
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'logged' });
    await on.replicate();
    await on.source.database.query(`update app_project set name = 'not logged' where id in (1, 2)`);
    const { rows } = await on.source.database.query(
      `select max(date_created) as since from models_logging_change`,
    );

    const answered = await ask({ view: PROJECT, recheck: (rows[0].since as Date).toISOString() });

    assert.deepEqual(answered, { outcome: 'keys queued', view: PROJECT, keysQueued: 1 });
    assert.deepEqual(await on.mailboxes.extract.take(), [{ view: PROJECT, trigger: 'recheck' }]);
    const batch = await on.stage();
    assert.partialDeepStrictEqual(batch, { kind: 'repair', upserts: 1 });
    await on.merge(batch);
    assert.deepEqual(
      (await on.visible()).map(({ name }) => name),
      ['not logged', 'two'],
    );
    assert.partialDeepStrictEqual(await ask({ view: PROJECT, recheck: '2999-01-01T00:00:00Z' }), {
      outcome: 'nothing to recheck',
      keysQueued: 0,
    });
    assert.deepEqual(await on.mailboxes.extract.take(), []);
  });

  it('reads the status of the views', async () => {
    await on.replicate();
    await ask({ view: 'pmr_site', pause: true });
    await ask({ view: INCIDENTS, halt: 'broken' });
    await on.source.change('app_project', 1, { name: 'changed' });
    const batch = await on.stage();

    const { views } = (await ask({ status: true })) as { views: Record<string, unknown>[] };

    assert.partialDeepStrictEqual(views, [
      {
        view: PROJECT,
        state: 'running',
        inFlight: {
          etlTransactionId: batch.etlTransactionId,
          kind: 'incremental',
          state: 'staged',
          attempt: 1,
        },
        lastApplied: { etlTransactionId: '1' },
      },
      { view: 'pmr_site', state: 'paused', inFlight: null, lastApplied: null },
      { view: INCIDENTS, state: 'halted', haltedReason: 'broken' },
    ]);
    for (const { behindSeconds } of views) {
      assert.ok(Number(behindSeconds) >= 0 && Number(behindSeconds) < 600, `${behindSeconds} seconds`);
    }
    assert.equal(((await ask({ status: true, view: PROJECT })).views as unknown[]).length, 1);
  });

  it('gets an error for an unknown view from every operation', async () => {
    const requests = [
      { pause: true },
      { halt: 'x' },
      { resume: true },
      { redrive: true },
      { resync: true },
      { loadType: 'merge', target: 'x' },
      { recheck: '2026-01-01T00:00:00Z' },
    ];
    for (const request of requests) {
      await assert.rejects(ask({ view: 'nobody', ...request }), {
        kind: 'invalid_event',
        message: /"nobody"/,
      });
    }
    await assert.rejects(ask({ status: true, view: 'nobody' }), { kind: 'invalid_event' });
  });

  it('gets the form of the command that was meant', async () => {
    for (const [event, advice] of [
      [{ resolve: 'invalid_evnt' }, /\{"resolve": kind\}.* The kinds are transient, .*invalid_event/],
      [[{ name: PROJECT }], /^Send \{"import": \[…\]\}/],
      [{ name: PROJECT, target_name: 'project' }, /^Send \{"import": \[…\]\}/],
      [{ import: { name: PROJECT } }, /^Send \{"import": \[…\]\}/],
      [{ view: PROJECT, recheck: 'yesterday' }, /"recheck": "2026/],
      [{ stauts: true }, /"pause": true.*"status": true/],
    ] as const) {
      await assert.rejects(ask(event), { kind: 'invalid_event', advice }, JSON.stringify(event));
    }
  });

  it('gets the valid forms as advice for an invalid request', async () => {
    const invalid = [
      { view: PROJECT, pause: false },
      { view: PROJECT, halt: '' },
      { view: PROJECT, halt: true },
      { view: PROJECT, redrive: false },
      { redrive: [] },
      { redrive: ['one'] },
      { view: PROJECT, redrive: [1] },
      { view: PROJECT, resync: 'yes' },
      { view: PROJECT, loadType: 'merge' },
      { view: PROJECT, loadType: 'copy', target: 'x' },
      { view: PROJECT, loadType: 'merge', target: 'a`b' },
      { view: PROJECT, recheck: 'yesterday' },
      { view: PROJECT, pause: true, resume: true },
      { status: false },
    ];
    for (const event of invalid) {
      await assert.rejects(
        ask(event),
        { kind: 'invalid_event', advice: new RegExp(`"(${Object.keys(event).join('|')})"`) },
        JSON.stringify(event),
      );
    }
  });
});

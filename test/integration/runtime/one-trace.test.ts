import assert from 'node:assert/strict';
import { FUNCTIONS } from '../../local/functions.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import { useInstallation } from '../../support/use-installation.ts';

type Line = Record<string, unknown> & { from: string; message: string };

const ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const TRACE = 'logging.googleapis.com/trace';
const LABELS = 'logging.googleapis.com/labels';

/** The functions run in processes of their own, and only their own messages trigger them. */
describe('the log of the functions', () => {
  const { on, stack } = useInstallation({ per: 'file', views: [STREAMED_ENTRY] });
  let functions: RunningFunctions;
  const lines: Line[] = [];

  before(async () => {
    const settings = { ...on.parts.env, LOG_LEVEL: 'info' };
    functions = await RunningFunctions.start(
      FUNCTIONS.map(({ name }) => name),
      settings,
      (line, from, stream) => {
        if (stream === 'stdout') lines.push({ ...JSON.parse(line), from });
      },
    );
    stack.onStop(() => functions.stop());
    for (const { name, topic } of FUNCTIONS) {
      const subscribed = on.parts.pubsub.topic(topic);
      await subscribed.createSubscription(`push-${name}`, { pushEndpoint: functions.urlOf(name) });
    }
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.source.add('app_incident', { id: 1 });
  });
  beforeEach(async () => {
    await on.control.query(
      'update etl.view_source set enabled = true, paused = false, halted_reason = null, halted_at = null',
    );
    for (const mailbox of Object.values(on.mailboxes)) await mailbox.take();
    lines.length = 0;
  });

  const tick = (headers: Record<string, string>) => functions.post('extract', {}, headers);
  const logged = (message: string) => lines.filter((line) => line.message === message);

  it('of one tick has one trace across all functions', async () => {
    await tick({ traceparent: `00-${ID}-${SPAN}-01` });
    await stack.idle(on);

    assert.deepEqual(
      logged('batch applied')
        .map(({ from, view }) => `${from} ${view}`)
        .toSorted(),
      ['merge pmr_project', 'merge pmr_site', 'stream xyz_incident'],
    );
    assert.deepEqual(new Set(lines.map(({ from }) => from)), new Set(['extract', 'merge', 'stream']));
    for (const line of lines) {
      assert.deepEqual(
        [
          line[TRACE],
          line['logging.googleapis.com/spanId'],
          line['logging.googleapis.com/trace_sampled'],
          (line[LABELS] as { function: string }).function,
        ],
        [`projects/${on.parts.env.GOOGLE_CLOUD_PROJECT}/traces/${ID}`, SPAN, true, line.from],
        `the line "${line.message}"`,
      );
    }
  });

  it('of two ticks has two traces, even when the requests bring none', async () => {
    await tick({});
    await tick({});
    await stack.idle(on);

    const traces = logged('view freshness').map((line) => line[TRACE]);
    assert.equal(new Set(traces).size, 2);
  });

  it('labels a line with its view, if it has one', async () => {
    await on.control.query('update etl.view_source set enabled = false');
    await tick({});
    await on.control.query('update etl.view_source set enabled = true');
    await tick({});

    assert.deepEqual(logged('no view is enabled')[0]?.[LABELS], { function: 'extract' });
    const fresh = logged('view freshness').map(({ view, [LABELS]: labels }) => ({ view, labels }));
    assert.deepEqual(
      fresh,
      ['pmr_project', 'pmr_site', 'xyz_incident'].map((view) => ({
        view,
        labels: { function: 'extract', view },
      })),
    );
    await stack.idle(on);
  });

  it('keeps the trace of an event that failed', async () => {
    await on.parts.pubsub.topic('cdc-merge').publishMessage({
      json: { view: 'nobody', etlTransactionId: '1' },
      attributes: { traceparent: `00-${ID}-${SPAN}-00` },
    });
    await stack.idle(on);

    const [line] = logged('event dead-lettered');
    assert.match(String(line?.[TRACE]), new RegExp(ID));
    assert.partialDeepStrictEqual(line, {
      severity: 'ERROR',
      kind: 'invalid_event',
      [LABELS]: { function: 'merge' },
    });
  });

  describe('about the freshness of a view', () => {
    const secondsBehind = async () => {
      lines.length = 0;
      await functions.call('extract', {});
      await stack.idle(on);
      return new Map(logged('view freshness').map((line) => [line.view, Number(line.behindSeconds)]));
    };

    it('counts from its last capture, or from its import when it had none', async () => {
      await on.control.query(
        `update etl.view_source set imported_at = now() - interval '7000 s',
           captured_at = case when name <> 'pmr_site' then now() - interval '300 s' end`,
      );

      const behind = await secondsBehind();

      assert.deepEqual(
        [...behind].map(([view, seconds]) => [view, Math.floor(seconds / 100)]),
        [
          ['pmr_project', 3],
          ['pmr_site', 70],
          ['xyz_incident', 3],
        ],
      );
    });

    it('includes paused and halted views, but not disabled ones', async () => {
      await on.control.query(
        `update etl.view_source set paused = name = 'pmr_project', enabled = name <> 'xyz_incident',
           halted_reason = case when name = 'pmr_site' then 'test' end,
           halted_at = case when name = 'pmr_site' then now() end`,
      );

      assert.deepEqual([...(await secondsBehind()).keys()], ['pmr_project', 'pmr_site']);
    });
  });
});

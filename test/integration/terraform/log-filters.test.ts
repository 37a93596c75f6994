import assert from 'node:assert/strict';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { failBefore, hold } from '../../emulators/faults.ts';
import { callFunction, FUNCTIONS, type RunningFunction, startFunction } from '../../local/functions.ts';
import type { Installation } from '../../support/installation.ts';
import { Stack } from '../../support/stack.ts';
import { readLocals } from '../../tools/terraform/configuration.ts';
import { type LogDefinition, logDefinitions } from '../../tools/terraform/log-definitions.ts';
import { type LogEntry, logEntryOf } from '../../tools/terraform/log-entry.ts';
import { extractField, parseLogFilter } from '../../tools/terraform/log-filter.ts';

const BEHIND_MINUTES = 30;
const VIEW = 'pmr_project';

type Name = (typeof FUNCTIONS)[number]['name'];

/** As if a day had passed since the last captures. */
const AGE_HORIZONS = `
  update etl.checkpoint set horizons = (
    select jsonb_agg(jsonb_set(h, '{atMicros}', to_jsonb(((h->>'atMicros')::int8 - 86400000000)::text)))
    from jsonb_array_elements(horizons) h)`;

/** What happens, and the metrics and alerts that are to see it: each of them once for its line, and no others. */
interface Situation {
  what: string;
  happen: () => Promise<void>;
  metrics: string[];
  alerts: string[];
}

describe('metrics and alerts on log lines', () => {
  let stack: Stack;
  let on: Installation;
  const running: Partial<Record<Name, RunningFunction>> = {};
  const entries: LogEntry[] = [];
  let definitions: Record<'metrics' | 'alerts', LogDefinition[]>;

  before(async () => {
    definitions = logDefinitions(await readLocals(), BEHIND_MINUTES);
    stack = await Stack.start();
    on = await stack.install();
    for (const name of ['extract', 'merge'] as const) running[name] = await start(name);
    await on.control.query(`update etl.view_source set enabled = (name = '${VIEW}')`);
    await on.source.add('app_project', { id: 1, name: 'first', share: 1 });
    await replicate();
  });
  after(async () => {
    await Promise.all(Object.values(running).map((one) => one.process.stop()));
    await stack.stop();
  });
  beforeEach(async () => {
    stack.clearFaults();
    await on.dependencies.control.viewStops.resume(VIEW);
  });

  async function start(name: Name, settings: Record<string, string> = {}): Promise<RunningFunction> {
    const chosen = FUNCTIONS.find((one) => one.name === name);
    assert.ok(chosen);
    return await startFunction(chosen, {
      env: { ...process.env, ...on.parts.env, LOG_LEVEL: 'info', ...settings },
      anyPort: true,
      onLine: (line) => entries.push(logEntryOf(line, name)),
    });
  }

  const call = async (name: Name, payload: object): Promise<Record<string, unknown>> => {
    const url = running[name]?.url;
    assert.ok(url);
    return (await callFunction(url, payload)) as Record<string, unknown>;
  };
  /** As Pub/Sub brings it. */
  const push = (name: Name, payload: object) => {
    const data = Buffer.from(JSON.stringify(payload)).toString('base64');
    return call(name, { message: { data, messageId: '7' }, subscription: 'push' });
  };
  async function replicate(): Promise<void> {
    const { view, etlTransactionId } = await call('extract', { view: VIEW });
    await call('merge', { view, etlTransactionId });
  }

  const SITUATIONS: Situation[] = [
    {
      what: 'a tick over a view that is current',
      happen: async () => void (await push('extract', { trigger: 'scheduler' })),
      metrics: ['behind_seconds', 'liveness', 'views_checked'],
      alerts: [],
    },
    {
      what: 'a tick over a view that has been behind for longer than is allowed',
      happen: async () => {
        await on.control.query(
          `update etl.view_source set captured_at = now() - interval '${BEHIND_MINUTES} minutes'`,
        );
        await push('extract', { trigger: 'scheduler' });
        await call('extract', { view: VIEW });
      },
      metrics: ['behind_seconds', 'views_checked'],
      alerts: ['lag'],
    },
    {
      what: 'a second batch in a row that is given up',
      happen: async () => {
        for (let times = 0; times < 3; times += 1) {
          stack.bigquery.faults.next(
            'bigquery.job.load',
            failJob('notFound', 'Not found: Table temp_project'),
          );
          await on.source.change('app_project', 1, { name: `given up ${times}` });
          await push('extract', { view: VIEW });
        }
        await replicate();
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness', 'retries'],
      alerts: ['abandoned_batches'],
    },
    {
      what: 'a batch that is applied',
      happen: async () => {
        await on.source.change('app_project', 1, { name: 'changed' });
        await replicate();
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness'],
      alerts: [],
    },
    {
      what: 'a source that must not be captured',
      happen: async () => {
        await on.source.database.query('alter sequence models_logging_change_id_seq cache 20');
        await push('extract', { view: VIEW });
        await on.source.database.query('alter sequence models_logging_change_id_seq cache 1');
      },
      metrics: ['failures'],
      alerts: ['halted_view'],
    },
    {
      what: 'a batch with a value that BigQuery cannot hold',
      happen: async () => {
        await on.source.change('app_project', 1, { share: 'NaN' });
        await push('extract', { view: VIEW });
        await on.source.change('app_project', 1, { share: 2 });
      },
      metrics: ['failures'],
      alerts: ['failed_batch'],
    },
    {
      what: 'a merge that comes while its batch is still extracted',
      happen: async () => {
        const held = hold();
        stack.bigquery.faults.next('bigquery.job.load', held);
        await on.source.change('app_project', 1, { name: 'early' });
        const extracting = call('extract', { view: VIEW });
        await held.reached;
        const [batch] = (await on.batches()).slice(-1);
        await push('merge', { view: VIEW, etlTransactionId: batch?.id });
        held.release();
        await extracting;
        await push('merge', { view: VIEW, etlTransactionId: batch?.id });
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness', 'retries'],
      alerts: [],
    },
    {
      what: 'a batch that the target refuses',
      happen: async () => {
        await on.source.change('app_project', 1, { name: 'refused' });
        const { view, etlTransactionId } = await call('extract', { view: VIEW });
        await on.query(`update ${on.targetTable()} set etl_transaction_id = 999999 where true`);
        await push('merge', { view, etlTransactionId });
      },
      metrics: ['failures'],
      alerts: ['failed_batch'],
    },
    {
      what: 'an event that nobody can carry out',
      happen: async () => void (await push('extract', { view: 'unknown' })),
      metrics: ['failures'],
      alerts: ['dead_letter'],
    },
    {
      what: 'a dead letter that cannot be published',
      happen: async () => {
        stack.pubsub.faults.next('pubsub.Publish', failBefore('PERMISSION_DENIED'));
        await push('extract', { view: 'unknown' });
      },
      metrics: ['failures'],
      alerts: ['dead_letter'],
    },
    {
      what: 'a failure that cannot even be recorded',
      happen: async () => {
        await on.control.query('alter table etl.etl_error rename to gone');
        await push('extract', { view: 'unknown' });
        await on.control.query('alter table etl.gone rename to etl_error');
      },
      metrics: ['failures'],
      alerts: ['dead_letter'],
    },
    {
      what: 'a right that is missing in the source',
      happen: async () => {
        await on.source.database.query('alter table models_logging_change enable row level security');
        await push('extract', { view: VIEW });
        await on.source.database.query('alter table models_logging_change disable row level security');
      },
      metrics: ['retries'],
      alerts: ['refused'],
    },
    {
      what: 'a function with half its environment',
      happen: async () => {
        const half = await start('stream', { STAGING_BUCKET: '' });
        await callFunction(half.url, { view: VIEW, etlTransactionId: '1' });
        await half.process.stop();
      },
      metrics: ['retries'],
      alerts: ['refused'],
    },
    {
      what: 'a transaction that keeps the floor for longer than is allowed',
      happen: async () => {
        const writer = await on.source.database.connect();
        try {
          await writer.query('begin');
          await writer.query('select pg_current_xact_id()');
          await on.source.change('app_project', 1, { name: 'beside a long transaction' });
          await replicate();
          await on.control.query(AGE_HORIZONS);
          await call('extract', { view: VIEW });
        } finally {
          await writer.query('rollback');
          writer.release();
        }
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness'],
      alerts: ['floor_stuck'],
    },
  ];

  for (const { what, happen, metrics, alerts } of SITUATIONS) {
    it(`I8 ${what}: ${[...metrics, ...alerts].join(', ') || 'none'}`, async () => {
      const before = entries.length;
      await happen();

      const written = entries.slice(before);
      assert.deepEqual(seenBy(definitions.metrics, written), metrics);
      assert.deepEqual(seenBy(definitions.alerts, written), alerts);
      for (const definition of [...definitions.metrics, ...definitions.alerts]) {
        for (const entry of written.filter(parseLogFilter(definition.filter)))
          assertExtracted(definition, entry);
      }
    });
  }

  it('are all met by a situation above', () => {
    const met = (kind: 'metrics' | 'alerts') => new Set(SITUATIONS.flatMap((situation) => situation[kind]));

    for (const kind of ['metrics', 'alerts'] as const) {
      assert.deepEqual(
        definitions[kind].map(({ name }) => name).filter((name) => !met(kind).has(name)),
        [],
      );
    }
  });

  it('see nothing of other services', () => {
    for (const { name, filter } of [...definitions.metrics, ...definitions.alerts]) {
      const foreign = entries.map((entry) => ({
        ...entry,
        resource: { ...entry.resource, labels: { service_name: 'website' } },
      }));
      assert.equal(foreign.filter(parseLogFilter(filter)).length, 0, name);
    }
  });

  /** The names of those that see a line at all, in the order of the configuration, which is that of the alphabet. */
  function seenBy(all: LogDefinition[], written: LogEntry[]): string[] {
    return all.filter(({ filter }) => written.some(parseLogFilter(filter))).map(({ name }) => name);
  }

  /** Labels are texts, the values of a distribution numbers. */
  function assertExtracted({ name, labels, value }: LogDefinition, entry: LogEntry): void {
    for (const extractor of Object.values(labels)) {
      assert.match(String(extractField(entry, extractor) ?? ''), /\w/, `${name}: ${extractor}`);
    }
    if (value === null) return;
    const extracted = extractField(entry, value);
    assert.ok(typeof extracted === 'number' && extracted >= 0, `${name}: ${value} gives ${extracted}`);
  }
});

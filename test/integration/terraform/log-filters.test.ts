import assert from 'node:assert/strict';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { failBefore } from '../../emulators/faults.ts';
import type { FunctionName } from '../../local/functions.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { readLocals } from '../../tools/terraform/configuration.ts';
import { type LogDefinition, logDefinitions } from '../../tools/terraform/log-definitions.ts';
import { type LogEntry, logEntryOf } from '../../tools/terraform/log-entry.ts';
import { extractField, parseLogFilter } from '../../tools/terraform/log-filter.ts';

const BEHIND_MINUTES = 30;
const VIEW = 'pmr_project';

/** What happens, and the metrics and alerts that are to see it: each of them once for its line, and no others. */
interface Situation {
  what: string;
  happen: () => Promise<void>;
  metrics: string[];
  alerts: string[];
}

describe('metrics and alerts on log lines', () => {
  const { on, stack } = useInstallation({ per: 'file' });
  let functions: RunningFunctions;
  const entries: LogEntry[] = [];
  let definitions: Record<'metrics' | 'alerts', LogDefinition[]>;

  before(async () => {
    definitions = logDefinitions(await readLocals(), BEHIND_MINUTES);
    functions = await start(['extract', 'merge']);
    stack.onStop(() => functions.stop());
    await on.control.query(`update etl.view_source set enabled = (name = '${VIEW}')`);
    await on.source.add('app_project', { id: 1, name: 'first', share: 1 });
    await replicate();
  });
  beforeEach(() => on.dependencies.control.viewStops.resume(VIEW));

  const start = (names: FunctionName[], settings: Record<string, string> = {}) =>
    RunningFunctions.start(names, { ...on.parts.env, LOG_LEVEL: 'info', ...settings }, (line, name) =>
      entries.push(logEntryOf(line, name)),
    );
  async function replicate(): Promise<void> {
    const { view, etlTransactionId } = await functions.call('extract', { view: VIEW });
    await functions.call('merge', { view, etlTransactionId });
  }

  const SITUATIONS: Situation[] = [
    {
      what: 'a tick over a view that is current',
      happen: async () => void (await functions.push('extract', { trigger: 'scheduler' })),
      metrics: ['behind_seconds', 'looked_at_views', 'signs_of_life'],
      alerts: [],
    },
    {
      what: 'a tick over a view that has been behind for longer than is allowed',
      happen: async () => {
        await on.control.query(
          `update etl.view_source set captured_at = now() - interval '${BEHIND_MINUTES} minutes'`,
        );
        await functions.push('extract', { trigger: 'scheduler' });
        await functions.call('extract', { view: VIEW });
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
          await functions.push('extract', { view: VIEW });
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
        await functions.push('extract', { view: VIEW });
        await on.source.database.query('alter sequence models_logging_change_id_seq cache 1');
      },
      metrics: ['failures'],
      alerts: ['halted_view'],
    },
    {
      what: 'a batch with a value that BigQuery cannot hold',
      happen: async () => {
        await on.source.change('app_project', 1, { share: 'NaN' });
        await functions.push('extract', { view: VIEW });
        await on.source.change('app_project', 1, { share: 2 });
      },
      metrics: ['failures'],
      alerts: ['failed_batch'],
    },
    {
      what: 'a merge that comes while its batch is still extracted',
      happen: async () => {
        const held = stack.bigquery.faults.holdNext('bigquery.job.load');
        await on.source.change('app_project', 1, { name: 'early' });
        const extracting = functions.call('extract', { view: VIEW });
        await held.reached;
        const [batch] = (await on.batches()).slice(-1);
        await functions.push('merge', { view: VIEW, etlTransactionId: batch?.id });
        held.release();
        await extracting;
        await functions.push('merge', { view: VIEW, etlTransactionId: batch?.id });
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness', 'retries'],
      alerts: [],
    },
    {
      what: 'a batch that the target refuses',
      happen: async () => {
        await on.source.change('app_project', 1, { name: 'refused' });
        const { view, etlTransactionId } = await functions.call('extract', { view: VIEW });
        await on.query(`update ${on.targetTable()} set etl_transaction_id = 999999 where true`);
        await functions.push('merge', { view, etlTransactionId });
      },
      metrics: ['failures'],
      alerts: ['failed_batch'],
    },
    {
      what: 'an event that nobody can carry out',
      happen: async () => void (await functions.push('extract', { view: 'unknown' })),
      metrics: ['failures'],
      alerts: ['dead_letter'],
    },
    {
      what: 'a dead letter that cannot be published',
      happen: async () => {
        stack.pubsub.faults.next('pubsub.Publish', failBefore('PERMISSION_DENIED'));
        await functions.push('extract', { view: 'unknown' });
      },
      metrics: ['failures'],
      alerts: ['dead_letter'],
    },
    {
      what: 'a failure that cannot even be recorded',
      happen: async () => {
        await on.control.query('alter table etl.etl_error rename to gone');
        await functions.push('extract', { view: 'unknown' });
        await on.control.query('alter table etl.gone rename to etl_error');
      },
      metrics: ['failures'],
      alerts: ['dead_letter'],
    },
    {
      what: 'a right that is missing in the source',
      happen: async () => {
        await on.source.database.query('alter table models_logging_change enable row level security');
        await functions.push('extract', { view: VIEW });
        await on.source.database.query('alter table models_logging_change disable row level security');
      },
      metrics: ['retries'],
      alerts: ['refused'],
    },
    {
      what: 'a function with half its environment',
      happen: async () => {
        const half = await start(['stream'], { STAGING_BUCKET: '' });
        await half.call('stream', { view: VIEW, etlTransactionId: '1' });
        await half.stop();
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
          await on.letHorizonsAge(24 * 3600);
          await functions.call('extract', { view: VIEW });
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

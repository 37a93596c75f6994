import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { failBefore } from '../../emulators/faults.ts';
import type { FunctionName } from '../../local/functions.ts';
import { appFor, bearer, OPERATOR, STRANGER } from '../../support/admin-access.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { readLocals } from '../../tools/terraform/configuration.ts';
import { type LogDefinition, logDefinitions } from '../../tools/terraform/log-definitions.ts';
import { type LogEntry, logEntryOf } from '../../tools/terraform/log-entry.ts';
import { extractField, parseLogFilter } from '../../tools/terraform/log-filter.ts';

const BEHIND_MINUTES = 30;
const VIEW = 'pmr_project';

/** An event, and exactly the metrics and alerts whose filters must match the log lines that it causes. */
interface Situation {
  description: string;
  cause: () => Promise<void>;
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
    functions = await start(['extract', 'merge', 'reconcile']);
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
  /** Opens the overview of admin, whose reading of the status is partly replaced. */
  async function openPage(
    replaced: Partial<(typeof on.dependencies.control)['status']>,
    email = OPERATOR,
  ): Promise<void> {
    const log = on.captureLog();
    const { dependencies } = on;
    const status = { ...dependencies.control.status, ...replaced };
    const app = appFor({ by: 'iam' }, () => ({
      ...dependencies,
      control: { ...dependencies.control, status },
    }));
    await app.request('/', { headers: { authorization: bearer(email) } });
    const written = log.records();
    assert.equal(written.length, 1);
    for (const line of written) entries.push(logEntryOf(JSON.stringify(line), 'admin'));
  }
  async function replicate(): Promise<void> {
    const { view, etlTransactionId } = await functions.call('extract', { view: VIEW });
    await functions.call('merge', { view, etlTransactionId });
  }

  const SITUATIONS: Situation[] = [
    {
      description: 'a tick over a current view',
      cause: async () => void (await functions.push('extract', { trigger: 'scheduler' })),
      metrics: ['behind_seconds', 'liveness', 'views_checked'],
      alerts: [],
    },
    {
      description: 'a tick over a view that has been behind for too long',
      cause: async () => {
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
      description: 'a second abandoned batch in a row',
      cause: async () => {
        for (let times = 0; times < 3; times += 1) {
          stack.bigquery.faults.next(
            'bigquery.job.load',
            failJob('notFound', 'Not found: Table temp_project'),
          );
          await on.source.change('app_project', 1, { name: `abandoned ${times}` });
          await functions.push('extract', { view: VIEW });
        }
        await replicate();
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness', 'retries'],
      alerts: ['abandoned_batches'],
    },
    {
      description: 'an applied batch',
      cause: async () => {
        await on.source.change('app_project', 1, { name: 'changed' });
        await replicate();
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness'],
      alerts: [],
    },
    {
      description: 'a check that finds both sides equal',
      cause: async () => void (await functions.call('reconcile', { view: VIEW })),
      metrics: ['differences'],
      alerts: [],
    },
    {
      description: 'a check that finds a row without a log row',
      cause: async () => {
        await on.source.database.query(`update app_project set name = 'raw' where id = 1`);
        const { view, check } = await functions.call('reconcile', { view: VIEW });
        await functions.call('extract', { view: VIEW });
        await functions.call('reconcile', { view, check });
      },
      metrics: ['differences'],
      alerts: ['view_differs'],
    },
    {
      description: 'a check whose view is paused meanwhile',
      cause: async () => {
        const { view, check } = await functions.call('reconcile', { view: VIEW });
        await functions.call('extract', { view: VIEW, pause: true });
        await functions.push('reconcile', { view, check });
        await functions.call('extract', { view: VIEW, resume: true });
        await on.source.change('app_project', 1, { name: 'logged again' });
        await replicate();
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness'],
      alerts: ['failed_check'],
    },
    {
      description: 'log rows whose object id is no key, with and without other changes',
      cause: async () => {
        const logBadKey = () =>
          on.source.database.query(
            `insert into models_logging_change (content_type_id, object_id, action, changed_data, date_created)
             select content_type_id, 'abc', 'changed', '{"name": {}}', now() from models_logging_change order by id limit 1`,
          );
        await logBadKey();
        await functions.call('extract', { view: VIEW });
        await logBadKey();
        await on.source.change('app_project', 1, { name: 'beside a bad key' });
        await replicate();
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness'],
      alerts: ['bad_keys'],
    },
    {
      description: 'a reporting view that somebody replaced',
      cause: async () => {
        await on.source.change('app_project', 1, { name: 'made by this release' });
        await replicate();
        await on.query(`create or replace view View_SMartData.view_project as select 1 as project_id`);
        await on.source.change('app_project', 1, { name: 'reported' });
        await replicate();
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness'],
      alerts: ['changed_target'],
    },
    {
      description: 'a reporting view that BigQuery refuses',
      cause: async () => {
        await on.query(
          'drop view View_SMartData.view_project; create table View_SMartData.view_project (id int64)',
        );
        await on.source.change('app_project', 1, { name: 'refused' });
        await replicate();
        await on.query('drop table View_SMartData.view_project');
        await on.source.change('app_project', 1, { name: 'made again' });
        await replicate();
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness'],
      alerts: ['changed_target', 'refused_reporting_view'],
    },
    {
      description: 'a view above its budget',
      cause: async () => {
        await on.control.query(`update etl.view_source set daily_budget_bytes = 1 where name = '${VIEW}'`);
        await functions.push('extract', { view: VIEW });
        await on.control.query('update etl.view_source set daily_budget_bytes = null');
      },
      metrics: [],
      alerts: ['over_budget'],
    },
    {
      description: 'a source that must not be captured',
      cause: async () => {
        await on.source.database.query('alter sequence models_logging_change_id_seq cache 20');
        await functions.push('extract', { view: VIEW });
        await on.source.database.query('alter sequence models_logging_change_id_seq cache 1');
      },
      metrics: ['failures'],
      alerts: ['halted_view'],
    },
    {
      description: 'a batch with a value that BigQuery cannot hold',
      cause: async () => {
        await on.source.change('app_project', 1, { share: 'NaN' });
        await functions.push('extract', { view: VIEW });
        await on.source.change('app_project', 1, { share: 2 });
      },
      metrics: ['failures'],
      alerts: ['failed_batch'],
    },
    {
      description: 'a merge event that arrives while its batch is still being extracted',
      cause: async () => {
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
      description: 'a batch that the target refuses',
      cause: async () => {
        await on.source.change('app_project', 1, { name: 'refused' });
        const { view, etlTransactionId } = await functions.call('extract', { view: VIEW });
        await on.query(`update ${on.targetTable()} set etl_transaction_id = 999999 where true`);
        await functions.push('merge', { view, etlTransactionId });
      },
      metrics: ['failures'],
      alerts: ['failed_batch'],
    },
    {
      description: 'an event that no function can handle',
      cause: async () => void (await functions.push('extract', { view: 'unknown' })),
      metrics: ['failures'],
      alerts: ['dead_letter'],
    },
    {
      description: 'a dead letter that cannot be published',
      cause: async () => {
        stack.pubsub.faults.next('pubsub.Publish', failBefore('PERMISSION_DENIED'));
        await functions.push('extract', { view: 'unknown' });
      },
      metrics: ['failures'],
      alerts: ['dead_letter'],
    },
    {
      description: 'a failure that cannot even be recorded',
      cause: async () => {
        await on.control.query('alter table etl.etl_error rename to gone');
        await functions.push('extract', { view: 'unknown' });
        await on.control.query('alter table etl.gone rename to etl_error');
      },
      metrics: ['failures'],
      alerts: ['dead_letter'],
    },
    {
      description: 'a missing permission in the source',
      cause: async () => {
        await on.source.database.query('alter table models_logging_change enable row level security');
        await functions.push('extract', { view: VIEW });
        await on.source.database.query('alter table models_logging_change disable row level security');
      },
      metrics: ['retries'],
      alerts: ['refused'],
    },
    {
      description:
        'the deletion of a row of a lookup that leaves more rows without one than a batch may have',
      cause: async () => {
        await on.source.add('app_company', { id: 9, name: 'gone' });
        await on.source.add('app_project', { id: 91, name: 'one' }, { id: 92, name: 'two' });
        await replicate();
        await on.source.delete('app_company', 9);
        const limited = await start(['extract'], { MAX_BATCH_LOG_ROWS: '1' });
        await limited.call('extract', { view: VIEW });
        await limited.stop();
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness'],
      alerts: ['resync_advised'],
    },
    {
      description: 'a policy that replaces most values of a column',
      cause: async () => {
        await on.control.query(`update etl.view_source set unrepresentable = '{"share":"null"}'`);
        for (let id = 101; id <= 112; id += 1) await on.source.add('app_project', { id, share: 'NaN' });
        await replicate();
        await on.control.query(`update etl.view_source set unrepresentable = '{}'`);
        await on.source.database.query(`update app_project set share = null where share = 'NaN'`);
      },
      metrics: ['applied_batches', 'lag_milliseconds', 'liveness'],
      alerts: ['replaced_values'],
    },
    {
      description: 'a function with an incomplete environment',
      cause: async () => {
        const incomplete = await start(['stream'], { STAGING_BUCKET: '' });
        await incomplete.push('stream', { view: VIEW, etlTransactionId: '1' });
        await incomplete.stop();
      },
      metrics: ['retries'],
      alerts: ['refused'],
    },
    {
      description: 'a call by hand of a function with an incomplete environment',
      cause: async () => {
        const incomplete = await start(['stream'], { STAGING_BUCKET: '' });
        await incomplete.call('stream', { view: VIEW, etlTransactionId: '1' });
        await incomplete.stop();
      },
      metrics: [],
      alerts: ['refused'],
    },
    {
      description: 'a page of admin that has a bug',
      cause: () => openPage({ views: async () => assert.fail('a bug') }),
      metrics: ['failures'],
      alerts: ['failed_page'],
    },
    {
      description: 'a page of admin while the control database is down',
      cause: () =>
        openPage({
          views: async () => {
            throw new DataHubError('transient', 'control database: connection refused');
          },
        }),
      metrics: [],
      alerts: [],
    },
    {
      description: 'a page of admin for nobody it knows',
      cause: () => openPage({}, STRANGER),
      metrics: [],
      alerts: [],
    },
    {
      description: 'a transaction that has held back the floor for too long',
      cause: async () => {
        const writer = await on.source.database.connect();
        try {
          await writer.query('begin');
          await writer.query('select pg_current_xact_id()');
          await on.source.change('app_project', 1, { name: 'beside a long transaction' });
          await replicate();
          await on.letHorizonsAge();
          await functions.call('extract', { view: VIEW });
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

  for (const { description, cause, metrics, alerts } of SITUATIONS) {
    it(`I8 ${description} reaches ${[...metrics, ...alerts].join(', ') || 'none'}`, async () => {
      const before = entries.length;
      await cause();

      const written = entries.slice(before);
      assert.deepEqual(matching(definitions.metrics, written), metrics);
      assert.deepEqual(matching(definitions.alerts, written), alerts);
      for (const definition of [...definitions.metrics, ...definitions.alerts]) {
        for (const entry of written.filter(parseLogFilter(definition.filter)))
          assertExtracted(definition, entry);
      }
    });
  }

  it('are each reached by a situation above', () => {
    const reached = (kind: 'metrics' | 'alerts') =>
      new Set(SITUATIONS.flatMap((situation) => situation[kind]));

    for (const kind of ['metrics', 'alerts'] as const) {
      assert.deepEqual(
        definitions[kind].map(({ name }) => name).filter((name) => !reached(kind).has(name)),
        [],
      );
    }
  });

  it('match no log line of another service', () => {
    for (const { name, filter } of [...definitions.metrics, ...definitions.alerts]) {
      const othersEntries = entries.map((entry) => ({
        ...entry,
        resource: { ...entry.resource, labels: { service_name: 'website' } },
      }));
      assert.equal(othersEntries.filter(parseLogFilter(filter)).length, 0, name);
    }
  });

  /** The names of the definitions that match any line, in the alphabetical order of the configuration. */
  function matching(all: LogDefinition[], written: LogEntry[]): string[] {
    return all.filter(({ filter }) => written.some(parseLogFilter(filter))).map(({ name }) => name);
  }

  /** Checks that every label is a non-empty text, and that the value of a distribution is a number. */
  function assertExtracted({ name, labels, value }: LogDefinition, entry: LogEntry): void {
    for (const extractor of Object.values(labels)) {
      assert.match(String(extractField(entry, extractor) ?? ''), /\w/, `${name}: ${extractor}`);
    }
    if (value === null) return;
    const extracted = extractField(entry, value);
    assert.ok(typeof extracted === 'number' && extracted >= 0, `${name}: ${value} gives ${extracted}`);
  }
});

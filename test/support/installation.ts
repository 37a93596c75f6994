import assert from 'node:assert/strict';
import type { BigQuery } from '@google-cloud/bigquery';
import type { PubSub } from '@google-cloud/pubsub';
import type { Bucket } from '@google-cloud/storage';
import type pg from 'pg';
import { type ExtractResult, extractView } from '../../functions/extract/extract-view.ts';
import { type CheckViewResult, checkView, continueCheck } from '../../functions/reconcile/check-view.ts';
import { type ApplyResult, applyBatch } from '../../shared/batch/apply-batch.ts';
import { DataHubError } from '../../shared/errors.ts';
import { parseReconcileEvent } from '../../shared/events/reconcile-event.ts';
import { createLog } from '../../shared/log.ts';
import { type ViewSourceEntry, viewSourceEntry } from '../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../shared/operations/import-configuration.ts';
import { createDependencies, type Dependencies } from '../../shared/runtime/dependencies.ts';
import type { HaltedView } from '../../shared/runtime/handle.ts';
import type { Hold } from '../emulators/faults.ts';
import type { Pair } from '../local/compare/compare.ts';
import { MERGE, STREAM } from './appliers.ts';
import { LineSink } from './line-sink.ts';
import type { Mailbox } from './mailbox.ts';
import { SampleSource } from './sample-source.ts';

export type Staged = Extract<ExtractResult, { outcome: 'staged' }>;
export type Applied = Extract<ApplyResult, { outcome: 'applied' }>;

type BatchName = { view: string; etlTransactionId: string };
type UnlessHalted<T> = Exclude<T, HaltedView>;

/** Returns the result, or throws the failure that halted the view, so that tests can expect an error. */
export function unlessHalted<T extends object>(result: T): UnlessHalted<T> {
  if ('failure' in result && result.failure instanceof DataHubError) throw result.failure;
  return result as UnlessHalted<T>;
}

type Target = 'project' | 'site' | 'incident';

export type Parts = {
  env: Record<string, string>;
  /** The URL of the source as superuser. */
  sourceUrl: string;
  source: pg.Pool;
  control: pg.Pool;
  bigquery: BigQuery;
  bucket: Bucket;
  pubsub: PubSub;
  mailboxes: Record<'extract' | 'merge' | 'stream' | 'reconcile' | 'deadLetter', Mailbox>;
  /** Closes the connections above. Safe to repeat. */
  close: () => Promise<void>;
  /** View sources that a new control database gets in addition to ENTRIES. */
  views: ViewSourceEntry[];
};

/** Longer than the time limit of a function. */
const PAST_LIMIT_MS = 600_000;

type Installed = { parts: Parts; source: SampleSource; dependencies: Dependencies };

export const PROJECT_ENTRY: ViewSourceEntry = viewSourceEntry.parse({
  name: 'pmr_project',
  target_name: 'project',
  main_table: 'app_project',
  app_label: 'app',
  model: 'project',
  key_column: 'project_id',
  load_type: 'merge',
  lookups: [{ table: 'app_company', app_label: 'app', model: 'company', column: 'company_id' }],
});

export const SITE_ENTRY: ViewSourceEntry = viewSourceEntry.parse({
  name: 'pmr_site',
  target_name: 'site',
  main_table: 'app_site',
  app_label: 'app',
  model: 'site',
  key_column: 'site_id',
  load_type: 'merge',
});

/** The view sources of source.sql that every installation imports. */
export const ENTRIES = [PROJECT_ENTRY, SITE_ENTRY];

/** The streamed view source of source.sql, which only streaming tests import. */
export const STREAMED_ENTRY: ViewSourceEntry = viewSourceEntry.parse({
  name: 'xyz_incident',
  target_name: 'incident',
  main_table: 'app_incident',
  app_label: 'app',
  model: 'incident',
  key_column: 'incident_id',
  datetime_columns: ['open_datetime', 'close_datetime'],
  load_type: 'bq-storage-api',
  partition_column: 'open_datetime',
  partition_granularity: 'month',
});

/** Returns the view and the target for a comparison. */
export const pairOfEntry = ({ name, target_name, key_column, load_type }: ViewSourceEntry): Pair => ({
  view: name,
  target: `SMartDataAnalytics.${target_name}`,
  keyColumn: key_column,
  keepsDeletedRows: load_type === 'merge',
});

/**
 * One installation of the functions: calls their steps as the handlers do, and gives access to everything around them. A new object
 * is empty until it becomes an installation; later it can become another one.
 */
export class Installation {
  #installed: Installed | undefined;

  static async create(parts: Parts): Promise<Installation> {
    const installation = await Installation.of(parts);
    const entries = [...ENTRIES, ...parts.views];
    await importConfiguration({ entries }, installation.dependencies);
    return installation;
  }

  /** An installation whose control database has its configuration already. */
  static async of(parts: Parts): Promise<Installation> {
    const installation = new Installation();
    const dependencies = await createDependencies(parts.env);
    installation.#installed = { parts, source: new SampleSource(parts.source), dependencies };
    return installation;
  }

  /** Makes this object represent the other installation. */
  become(other: Installation): void {
    this.#installed = { ...other.#current };
  }

  get #current(): Installed {
    if (this.#installed === undefined) throw new Error('there is no installation before the first test');
    return this.#installed;
  }

  get parts(): Parts {
    return this.#current.parts;
  }

  get source(): SampleSource {
    return this.#current.source;
  }

  get dependencies(): Dependencies {
    return this.#current.dependencies;
  }

  set dependencies(dependencies: Dependencies) {
    this.#current.dependencies = dependencies;
  }

  get control(): pg.Pool {
    return this.parts.control;
  }

  get bigquery(): BigQuery {
    return this.parts.bigquery;
  }

  get bucket(): Bucket {
    return this.parts.bucket;
  }

  get mailboxes(): Parts['mailboxes'] {
    return this.parts.mailboxes;
  }

  /** Returns the same installation as seen by another process, with other settings. */
  async anotherProcess(settings: Record<string, string> = {}): Promise<Installation> {
    return await Installation.of({ ...this.parts, env: { ...this.parts.env, ...settings } });
  }

  /** Returns another process whose time limit is over as soon as the emulator holds the given call. */
  async hurriedProcess({ reached }: Hold): Promise<Installation> {
    const process = await this.anotherProcess();
    let [jumpMs, aheadMs] = [0, 0];
    void reached.then(() => {
      jumpMs = PAST_LIMIT_MS;
    });
    const nowMs = () => {
      aheadMs += jumpMs;
      return Date.now() + aheadMs;
    };
    process.dependencies = { ...process.dependencies, clock: { nowMs } };
    return process;
  }

  async extract(view = 'pmr_project', trigger = 'test'): Promise<UnlessHalted<ExtractResult>> {
    return unlessHalted(
      await extractView(view, trigger, this.#invocation('extract', { view }), this.dependencies),
    );
  }

  async merge({ view, etlTransactionId }: BatchName): Promise<UnlessHalted<ApplyResult>> {
    const event = { view, etlTransactionId: BigInt(etlTransactionId) };
    const invocation = this.#invocation('merge', { view, etlTransactionId });
    return unlessHalted(await applyBatch(event, MERGE, invocation, this.dependencies));
  }

  async stream({ view, etlTransactionId }: BatchName): Promise<UnlessHalted<ApplyResult>> {
    const event = { view, etlTransactionId: BigInt(etlTransactionId) };
    const invocation = this.#invocation('stream', { view, etlTransactionId });
    return unlessHalted(await applyBatch(event, STREAM, invocation, this.dependencies));
  }

  /** Begins a check of a view. */
  async check(options: Record<string, unknown> = {}, view = 'pmr_project'): Promise<CheckViewResult> {
    const event = parseReconcileEvent({ view, ...options });
    assert.ok(event.command === 'check');
    return await checkView(event, this.dependencies);
  }

  /** Goes on with a check. */
  async continueCheck({ view, check }: { view: string; check: string }): Promise<CheckViewResult> {
    return await continueCheck({ command: 'continue', view, check: BigInt(check) }, this.dependencies);
  }

  /** Checks a view to the end, with the batches in between for which the check waits. */
  async reconcile(options: Record<string, unknown> = {}, view = 'pmr_project'): Promise<CheckViewResult> {
    let result = await this.check(options, view);
    while (result.outcome === 'waiting' || result.outcome === 'continued') {
      await this.catchUp(view);
      result = await this.continueCheck(result);
    }
    return result;
  }

  /** Extracts and applies batches until there is nothing to do. */
  async catchUp(view = 'pmr_project'): Promise<void> {
    for (;;) {
      const extracted = await this.extract(view);
      if (extracted.outcome === 'idle') return;
      assert.ok(extracted.outcome === 'staged', `expected a batch, got: ${JSON.stringify(extracted)}`);
      await this.apply(extracted);
    }
  }

  /** Extracts a batch; fails when there is none. */
  async stage(view = 'pmr_project'): Promise<Staged> {
    const extracted = await this.extract(view);
    assert.ok(extracted.outcome === 'staged', `expected a batch, got: ${JSON.stringify(extracted)}`);
    return extracted;
  }

  /** Extracts and applies a batch; fails when there is none. */
  async replicate(view = 'pmr_project'): Promise<Applied> {
    const batch = await this.stage(view);
    const applied = await this.apply(batch);
    assert.ok(applied.outcome === 'applied', `expected an applied batch, got: ${JSON.stringify(applied)}`);
    return applied;
  }

  /** Applies the batch with merge or stream, depending on its view. */
  async apply(batch: BatchName): Promise<UnlessHalted<ApplyResult>> {
    const { loadType } = await this.dependencies.control.viewSources.get(batch.view);
    return await (loadType === 'merge' ? this.merge(batch) : this.stream(batch));
  }

  /** Returns the rows of a BigQuery query, with all values as text, and NULL as null. */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    const [rows] = await this.parts.bigquery.query({ query: sql, wrapIntegers: true });
    return (rows as Record<string, unknown>[]).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
    );
  }

  /** Returns the rows of the target without `update_at`, ordered by key. */
  target(name: Target = 'project'): Promise<Record<string, unknown>[]> {
    return this.query(`select * except (update_at) from ${this.targetTable(name)} order by ${name}_id`);
  }

  /** Returns the rows of the reporting view, which analysts read. */
  async visible(name: Target = 'project'): Promise<Record<string, unknown>[]> {
    const view = this.#table('View_SMartData', `view_${name}`);
    return await this.query(`select * except (is_deleted, update_at) from ${view} order by ${name}_id`);
  }

  targetTable(name: Target = 'project'): string {
    return this.#table('SMartDataAnalytics', name);
  }

  tempTable(name: Target = 'project'): string {
    return this.#table('SMartData_Temp', `temp_${name}`);
  }

  ledger(): string {
    return this.#table('SMartData_Temp', 'applied_batch');
  }

  /** Asserts that the reporting view, or the streamed target, equals the view in the source, value by value. */
  async assertEqual(view = 'pmr_project'): Promise<void> {
    if (view === STREAMED_ENTRY.name) return await this.assertIncidentsEqual();
    const { rows: projects } = await this.source.database.query(
      `select project_id::text, name, company, trim_scale(share)::text as share,
         to_char(opened at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as opened from pmr_project order by pmr_project.project_id`,
    );
    assert.deepEqual(await this.visible('project'), projects);
  }

  /** Asserts that the streamed target equals its view, value by value. */
  async assertIncidentsEqual(): Promise<void> {
    const { rows: incidents } = await this.source.database.query(`
      select incident_id::text, inventory_id::text, incident_type, service_type, severity, status,
        replace(open_datetime, ' ', 'T') || ':00.000Z' as open_datetime,
        replace(close_datetime, ' ', 'T') || ':00.000Z' as close_datetime, incident_owner
      from xyz_incident order by xyz_incident.incident_id`);
    const target = await this.query(
      `select * except (update_at, etl_transaction_id) from ${this.targetTable('incident')} order by incident_id`,
    );
    assert.deepEqual(target, incidents);
  }

  async assertAllEqual(): Promise<void> {
    await this.assertEqual();
    await this.assertIncidentsEqual();
  }

  /** Returns the ETL transactions of the view, oldest first. */
  async batches(view = 'pmr_project'): Promise<Record<string, unknown>[]> {
    const { rows } = await this.parts.control.query(
      'select * from etl.etl_transaction where view_name = $1 order by id',
      [view],
    );
    return rows;
  }

  async states(view = 'pmr_project'): Promise<unknown[]> {
    return (await this.batches(view)).map(({ state }) => state);
  }

  /** Returns the successful load jobs of staged rows of the view, sorted: `<batch id>_<attempt>_<try>`. */
  async succeededLoads(view = 'pmr_project'): Promise<string[]> {
    const [jobs] = await this.bigquery.getJobs({ allUsers: true });
    const prefix = `load_SMartDataAnalytics_${view}_`;
    return jobs
      .filter(({ id, metadata }) => id?.startsWith(prefix) && metadata.status.errorResult === undefined)
      .map(({ id }) => String(id).slice(prefix.length))
      .sort();
  }

  /** Collects everything that is logged from now on. */
  captureLog(): LineSink {
    const sink = new LineSink();
    this.dependencies = { ...this.dependencies, log: createLog('info', sink) };
    return sink;
  }

  /** Returns the recorded failures, oldest first. */
  async errors(): Promise<Record<string, unknown>[]> {
    return (await this.parts.control.query('select * from etl.etl_error order by id')).rows;
  }

  async checkpointOf(view = 'pmr_project'): Promise<unknown> {
    const { rows } = await this.parts.control.query('select * from etl.checkpoint where view_name = $1', [
      view,
    ]);
    return rows[0] ?? null;
  }

  async haltedReason(view = 'pmr_project'): Promise<string | null> {
    return (await this.dependencies.control.viewSources.get(view)).haltedReason;
  }

  /** Copies the tables of the control database, so that `restore` can put them back like a backup. */
  async backUpControl(): Promise<{ restore: () => Promise<void> }> {
    const tables = [
      'view_source',
      'former_target',
      'etl_transaction',
      'copied_slice',
      'checkpoint',
      'consistency_check',
      'consistency_difference',
      'queued_key',
      'lease',
      'etl_error',
      'schema_change',
      'view_retry',
      'job_usage',
    ];
    // What PostgreSQL generates cannot be inserted.
    const { rows } = await this.control.query<{ name: string; columns: string }>(
      `select table_name as name, string_agg(quote_ident(column_name), ', ' order by ordinal_position) as columns
       from information_schema.columns where table_schema = 'etl' and table_name = any($1) and is_generated = 'NEVER'
       group by table_name order by array_position($1::text[], table_name::text)`,
      [tables],
    );
    await this.control.query(
      [
        'create schema backup',
        ...rows.map(
          ({ name, columns }) => `create table backup.${name} as select ${columns} from etl.${name}`,
        ),
      ].join(';'),
    );
    return {
      restore: async () => {
        await this.control.query(
          [
            `truncate ${tables.map((table) => `etl.${table}`).join(', ')}`,
            ...rows.map(
              ({ name, columns }) =>
                `insert into etl.${name} (${columns}) overriding system value select ${columns} from backup.${name}`,
            ),
            `select setval(pg_get_serial_sequence('etl.etl_transaction', 'id'), (select max(id) from backup.etl_transaction))`,
          ].join(';'),
        );
      },
    };
  }

  /** Makes all horizons this many seconds older. The next capture then draws a marker if the grace period is over. */
  async letHorizonsAge(seconds = 600): Promise<void> {
    await this.control.query(
      `update etl.checkpoint set horizons = (
         select coalesce(jsonb_agg(jsonb_set(h, '{atMicros}', to_jsonb(((h->>'atMicros')::int8 - $1::int8 * 1000000)::text)) order by n), '[]')
         from jsonb_array_elements(horizons) with ordinality as e (h, n))`,
      [seconds],
    );
  }

  /** Closes the test's connections to this installation; the servers keep running. */
  leave(): Promise<void> {
    return this.parts.close();
  }

  /** Returns the names of the staged objects of a batch. */
  async stagedObjects(batch: { view: string; etlTransactionId: string }): Promise<string[]> {
    const [files] = await this.parts.bucket.getFiles({ prefix: `${batch.view}/${batch.etlTransactionId}/` });
    return files.map(({ name }) => name);
  }

  #table(dataset: string, name: string): string {
    return `\`${this.parts.env.GOOGLE_CLOUD_PROJECT}.${dataset}.${name}\``;
  }

  #invocation(functionName: string, event: unknown) {
    return { functionName, event };
  }
}

/** The client wraps values for which JSON has no type, such as `{ value: '2026-01-02' }`. */
function plain(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    if ('value' in value) return String(value.value);
    if ('toFixed' in value) return String(value);
  }
  return value;
}

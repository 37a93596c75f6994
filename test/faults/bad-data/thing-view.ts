import assert from 'node:assert/strict';
import pg from 'pg';
import type { ApplyResult } from '../../../shared/batch/apply-batch.ts';
import type { LoadType } from '../../../shared/model/columns.ts';
import { type ViewSourceEntry, viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { EXAMPLE_SCHEMA } from '../../integration/source/valued-view.ts';
import { compare, describeFindings } from '../../local/compare/compare.ts';
import type { Installation, Staged } from '../../support/installation.ts';
import type { Stack } from '../../support/stack.ts';

export const VIEW = 'thing_view';
export const LOAD_TYPES: readonly LoadType[] = ['merge', 'bq-storage-api'];
const CONTENT_TYPE_ID = 50;

export type ThingOptions = {
  loadType: LoadType;
  /** The SQL type of each view column except the key. */
  columns: Record<string, string>;
  keyType?: string;
  entry?: Partial<ViewSourceEntry>;
  settings?: Record<string, string>;
  /** The encoding of the source's database, with the locale C; UTF-8 by default. */
  encoding?: string;
};

/**
 * A view `thing_view` with configurable columns, replicated to its target by either load type. Its key is `thing_id`. Rows are
 * written as SQL literals, and logged.
 */
export class ThingView {
  readonly on: Installation;
  readonly #loadType: LoadType;

  private constructor(on: Installation, loadType: LoadType) {
    this.on = on;
    this.#loadType = loadType;
  }

  static async install(stack: Stack, options: ThingOptions): Promise<ThingView> {
    const { loadType, columns, keyType = 'bigint', settings = {}, encoding } = options;
    const on = await stack.install({ settings, ...(encoding !== undefined && { encoding }) });
    const declared = Object.entries(columns).map(([name, type]) => `${pg.escapeIdentifier(name)} ${type}`);
    const names = Object.keys(columns).map((name) => pg.escapeIdentifier(name));
    await on.source.database.query(`
      ${EXAMPLE_SCHEMA}
      insert into django_content_type (id, app_label, model) values (${CONTENT_TYPE_ID}, 'app', 'thing');
      create table app_thing (${[`id ${keyType} primary key`, ...declared].join(', ')});
      create view ${VIEW} as select ${['id as thing_id', ...names].join(', ')} from app_thing;
      grant select on app_thing, ${VIEW} to reader`);
    const thing = new ThingView(on, loadType);
    await thing.import(options.entry);
    return thing;
  }

  /** Imports the configuration of the view, with these fields changed. */
  async import(entry: Partial<ViewSourceEntry> = {}): Promise<void> {
    const complete = viewSourceEntry.parse({
      name: VIEW,
      target_name: 'thing',
      main_table: 'app_thing',
      app_label: 'app',
      model: 'thing',
      key_column: 'thing_id',
      load_type: this.#loadType,
      ...entry,
    });
    await importConfiguration({ entries: [complete] }, this.on.dependencies);
  }

  /** Adds or replaces a row and logs it. Key and values are SQL literals; columns without a value are NULL. */
  async put(key: string, values: Record<string, string> = {}): Promise<void> {
    const names = ['id', ...Object.keys(values).map((name) => pg.escapeIdentifier(name))];
    await this.on.source.database.query(`
      delete from app_thing where id = ${key};
      insert into app_thing (${names.join(', ')}) values (${[key, ...Object.values(values)].join(', ')})`);
    await this.log(key);
  }

  async delete(key: string): Promise<void> {
    await this.on.source.database.query(`delete from app_thing where id = ${key}`);
    await this.log(key);
  }

  /** Logs a change of the row with this key, an SQL literal. `objectId`, an SQL expression, replaces the key's text in the log row. */
  async log(key: string, objectId = `(${key})::text`): Promise<void> {
    await this.on.source.database.query(
      `insert into models_logging_change (object_id, content_type_id, action) select ${objectId}, ${CONTENT_TYPE_ID}, 'changed'`,
    );
  }

  /** Logs a change of every row, so that the next batch captures all of them. */
  async logAll(): Promise<void> {
    await this.on.source.database.query(
      `insert into models_logging_change (object_id, content_type_id, action) select id::text, ${CONTENT_TYPE_ID}, 'changed' from app_thing`,
    );
  }

  stage(): Promise<Staged> {
    return this.on.stage(VIEW);
  }

  apply(batch: Staged): Promise<ApplyResult> {
    return this.#loadType === 'merge' ? this.on.merge(batch) : this.on.stream(batch);
  }

  /** Extracts and applies a batch; fails when there is none. */
  async replicate(): Promise<void> {
    const applied = await this.apply(await this.stage());
    assert.equal(applied.outcome, 'applied');
  }

  /** Resumes the halted view, as an operator does. */
  async resume(): Promise<void> {
    await this.on.dependencies.control.viewStops.resume(VIEW);
  }

  /** Asserts that the target holds exactly the rows of the view, value by value. */
  async assertEqual(): Promise<void> {
    assert.deepEqual(await this.differences(), []);
  }

  /** The differences between view and target, as readable lines. */
  async differences(): Promise<string[]> {
    const pair = {
      view: VIEW,
      target: 'SMartDataAnalytics.thing',
      keyColumn: 'thing_id',
      keepsDeletedRows: this.#loadType === 'merge',
    };
    return describeFindings(await compare(pair, this.on.parts));
  }

  /** The target's rows as the BigQuery client returns them, ordered by key. */
  async target(): Promise<Record<string, unknown>[]> {
    const table = `\`${this.on.parts.env.GOOGLE_CLOUD_PROJECT}.SMartDataAnalytics.thing\``;
    return await this.on.query(
      `select * except (update_at, etl_transaction_id) from ${table} order by thing_id`,
    );
  }

  /** The counts of values that a policy converted, one entry per batch, oldest first. */
  async policyValues(): Promise<unknown[]> {
    return (await this.on.batches(VIEW)).map(({ policy_values }) => policy_values);
  }
}

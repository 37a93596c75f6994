import type { ClientBase, QueryResultRow } from 'pg';
import {
  type Action,
  addedData,
  type ChangedData,
  changedData,
  deletedData,
  type LogRow,
} from './log-row.ts';
import type { Maker, Model, ModelName, Row, Value } from './model.ts';
import { MODELS, referencesTo } from './models.ts';
import type { Random } from './random.ts';

/** A Django model instance: a row as it was when it was loaded or last saved. */
export interface Instance {
  model: Model;
  id: number;
  row: Row;
}

/** The row that a request needs does not exist. */
export class NothingToDo extends Error {}

/** One change of one row that took effect. */
export interface Change {
  model: ModelName;
  id: number;
  action: Action;
}

/** Shared by all requests of a writer. */
export interface WriterContext {
  random: Random;
  clock: () => Date;
  /** Approximate highest id of each table: the limit for random ids, and the number of rows of a lookup. */
  highestId: Map<string, number>;
}

/**
 * The database changes of one HTTP request to SMartApp, in one transaction, and the log rows that the middleware of
 * django-models-logging collects meanwhile: one per object, with the first action and the latest change of each field. Like
 * the middleware, it ignores savepoints and rollbacks when it collects log rows.
 */
export class DjangoRequest {
  readonly #client: ClientBase;
  readonly #context: WriterContext;
  readonly #log = new Map<string, LogRow & { changedData: ChangedData }>();
  #changes: Change[] = [];
  #savepoints = 0;

  constructor(client: ClientBase, context: WriterContext) {
    this.#client = client;
    this.#context = context;
  }

  /** The changes that were not rolled back. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** The log rows that the middleware inserts after the response. */
  get logRows(): LogRow[] {
    return [...this.#log.values()].map((row) => ({ ...row, dateCreated: this.#now() }));
  }

  get random(): Random {
    return this.#context.random;
  }

  /** Makes new field values. */
  get maker(): Maker {
    const { random, clock, highestId } = this.#context;
    return {
      random,
      now: clock(),
      lookup: (name) => random.between(1, highestId.get(MODELS[name].table) ?? 1),
    };
  }

  async query<R extends QueryResultRow = Row>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    return (await this.#client.query<R>(text, [...values])).rows;
  }

  /**
   * Loads and locks a random row. Returns undefined if no row that meets the condition is unlocked.
   *
   * @param condition SQL condition; the table's alias is `t`
   */
  async find(model: Model, condition = 'true'): Promise<Instance | undefined> {
    const highestId = this.#context.highestId.get(model.table) ?? 1;
    for (const lowestId of [this.random.between(1, highestId), 1]) {
      const [found] = await this.#load(
        model,
        `id >= $1 and (${condition}) order by id limit 1 for no key update skip locked`,
        [lowestId],
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Like `find`, but throws NothingToDo if there is no such row. */
  async get(model: Model, condition?: string): Promise<Instance> {
    const found = await this.find(model, condition);
    if (found === undefined) throw new NothingToDo();
    return found;
  }

  /** Inserts a row. Fields and parents that are not given get new values and random parents. */
  async create(model: Model, given: Row = {}): Promise<Instance> {
    const fields = { ...model.newFields(this.maker), ...given };
    for (const [column, parentName] of Object.entries(model.parents)) {
      if (fields[column] === undefined) fields[column] = await this.#someId(MODELS[parentName]);
    }
    const row = await this.#write(model, 'insert', { ...fields, updated_at: this.#now() });
    const created = { model, id: Number(row.id), row };
    const highestId = this.#context.highestId;
    highestId.set(model.table, Math.max(created.id, highestId.get(model.table) ?? 0));
    this.#record(created, 'added', addedData(row));
    return created;
  }

  /** Saves changed fields of a loaded row; updated_at always changes. */
  async save(instance: Instance, changes: Row): Promise<void> {
    const before = instance.row;
    instance.row = await this.#write(instance.model, 'update', {
      ...changes,
      id: instance.id,
      updated_at: this.#now(),
    });
    this.#record(instance, 'changed', changedData(before, instance.row));
  }

  /** Saves an object that was not loaded but has the key of an existing row, so no old value is known. */
  async saveUnloaded({ model, id }: Instance, fields: Row): Promise<void> {
    const saved = { ...fields, id, updated_at: this.#now() };
    const row = await this.#write(model, 'update', saved);
    const given = Object.fromEntries(Object.keys(saved).map((column) => [column, row[column] ?? null]));
    this.#record({ model, id, row }, 'changed', addedData(given));
  }

  /** Deletes all rows that refer to a row, then the row itself, with a log row for each, as Django's collector does. */
  async delete(instance: Instance): Promise<void> {
    const { model, id } = instance;
    for (const { referringModel, column } of referencesTo(model)) {
      const referring = await this.#load(referringModel, `${column} = $1 order by id for update`, [id]);
      for (const child of referring) await this.delete(child);
    }
    await this.query(`delete from ${model.table} where id = $1`, [id]);
    this.#record(instance, 'deleted', deletedData(instance.row));
  }

  /** Runs a nested `atomic` block: a savepoint that is released, or rolled back if the block returns 'roll back'. */
  async atomic(block: () => Promise<'roll back' | undefined>): Promise<void> {
    this.#savepoints += 1;
    const savepoint = `s${this.#savepoints}`;
    const changesBefore = this.#changes.length;
    await this.query(`savepoint ${savepoint}`);
    if ((await block()) === 'roll back') {
      await this.query(`rollback to savepoint ${savepoint}`);
      this.#changes = this.#changes.slice(0, changesBefore);
    }
    await this.query(`release savepoint ${savepoint}`);
  }

  /** Records a change that the middleware does not see. */
  noteUnlogged(change: Change): void {
    this.#changes.push(change);
  }

  async #load(model: Model, condition: string, values: readonly unknown[]): Promise<Instance[]> {
    const found = await this.query<{ row: Row }>(
      `select to_jsonb(t) as row from ${model.table} as t where ${condition}`,
      values,
    );
    return found.map(({ row }) => instanceOf(model, row));
  }

  async #someId(model: Model): Promise<number | null> {
    const highestId = this.#context.highestId.get(model.table) ?? 1;
    for (const lowestId of [this.random.between(1, highestId), 1]) {
      const [found] = await this.query(`select id from ${model.table} where id >= $1 order by id limit 1`, [
        lowestId,
      ]);
      if (found !== undefined) return Number(found.id);
    }
    return null;
  }

  /** Inserts a row, or updates the row with the `id` among the fields, and returns the whole row. */
  async #write(model: Model, how: 'insert' | 'update', fields: Row): Promise<Row> {
    const columns = Object.keys(fields);
    const parameters = columns.map((_, index) => `$${index + 1}`);
    const text =
      how === 'insert'
        ? `insert into ${model.table} as t (${columns.join(', ')}) values (${parameters.join(', ')})
           returning to_jsonb(t) as row`
        : `update ${model.table} as t set ${columns.map((column, index) => `${column} = ${parameters[index]}`).join(', ')}
           where id = ${parameters[columns.indexOf('id')]} returning to_jsonb(t) as row`;
    const [written] = await this.query<{ row: Row }>(text, Object.values(fields));
    if (written === undefined) throw new Error(`${model.table} has no row ${fields.id}`);
    return instanceOf(model, written.row).row;
  }

  #record(instance: Instance, action: Action, data: ChangedData): void {
    const { model, id } = instance;
    this.#changes.push({ model: model.name, id, action });
    const key = `${model.name} ${id}`;
    const known = this.#log.get(key);
    if (known === undefined) {
      this.#log.set(key, { model: model.name, objectId: id, action, changedData: data });
    } else {
      known.changedData = { ...known.changedData, ...data };
    }
  }

  /** The clock's time with microseconds, as in Python. */
  #now(): string {
    const microseconds = String(this.random.between(0, 999)).padStart(3, '0');
    return this.#context.clock().toISOString().replace('Z', `${microseconds}Z`);
  }
}

/** Converts a row from PostgreSQL's JSON; times and decimals get the form that Django's encoder gives them. */
function instanceOf(model: Model, row: Row): Instance {
  const written = Object.entries(row).map(([column, value]): [string, Value] => {
    if (value === null) return [column, null];
    if (model.datetimeColumns.includes(column)) return [column, withMilliseconds(String(value))];
    if (model.decimalColumns.includes(column)) return [column, Number(value).toFixed(2)];
    return [column, value];
  });
  return { model, id: Number(row.id), row: Object.fromEntries(written) };
}

/** `2026-11-22T12:30:49.3724+00:00` → `2026-11-22T12:30:49.372Z`; a full second has no fraction. */
function withMilliseconds(time: string): string {
  const [seconds, fraction] = time.replace(/\+00:00$/, '').split('.');
  return fraction === undefined ? `${seconds}Z` : `${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
}

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

/** A row as a Django model instance: what it was when it was loaded or last saved. */
export interface Instance {
  model: Model;
  id: number;
  row: Row;
}

/** There is no row of the kind that a request is about. */
export class NothingToDo extends Error {}

/** One change of one row that was really made. */
export interface Change {
  model: ModelName;
  id: number;
  action: Action;
}

/** What all requests of a writer share. */
export interface Surroundings {
  random: Random;
  clock: () => Date;
  /** Highest id of each table, roughly: where random ids are looked for, and how many rows a lookup has. */
  highestId: Map<string, number>;
}

/**
 * What one HTTP request to SMartApp does to the database, in one transaction, and the log rows that the package's
 * middleware collects meanwhile: one per object, with the first action and the latest change of each field. Like the
 * middleware's, the collection knows nothing of savepoints and rollbacks.
 */
export class DjangoRequest {
  readonly #client: ClientBase;
  readonly #surroundings: Surroundings;
  readonly #log = new Map<string, LogRow & { changedData: ChangedData }>();
  #changes: Change[] = [];
  #savepoints = 0;

  constructor(client: ClientBase, surroundings: Surroundings) {
    this.#client = client;
    this.#surroundings = surroundings;
  }

  /** What was changed and not rolled back. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** What the middleware inserts after the response. */
  get logRows(): LogRow[] {
    return [...this.#log.values()].map((row) => ({ ...row, dateCreated: this.#now() }));
  }

  get random(): Random {
    return this.#surroundings.random;
  }

  /** For new field values. */
  get maker(): Maker {
    const { random, clock, highestId } = this.#surroundings;
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
   * Loads and locks a random row, or nothing when no row (that nobody else has locked) meets the condition.
   *
   * @param condition SQL about the table, which is `t`
   */
  async find(model: Model, condition = 'true'): Promise<Instance | undefined> {
    const highestId = this.#surroundings.highestId.get(model.table) ?? 1;
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

  /** As `find`, for requests that are pointless without such a row: throws NothingToDo. */
  async get(model: Model, condition?: string): Promise<Instance> {
    const found = await this.find(model, condition);
    if (found === undefined) throw new NothingToDo();
    return found;
  }

  /** Inserts a row with new field values; the ones given stand, parents that are not given are chosen. */
  async create(model: Model, given: Row = {}): Promise<Instance> {
    const fields = { ...model.newFields(this.maker), ...given };
    for (const [column, parentName] of Object.entries(model.parents)) {
      if (fields[column] === undefined) fields[column] = await this.#someId(MODELS[parentName]);
    }
    const row = await this.#write(model, 'insert', { ...fields, updated_at: this.#now() });
    const created = { model, id: Number(row.id), row };
    const highestId = this.#surroundings.highestId;
    highestId.set(model.table, Math.max(created.id, highestId.get(model.table) ?? 0));
    this.#record(created, 'added', addedData(row));
    return created;
  }

  /** Saves changed fields of a loaded row; updated_at moves in any case. */
  async save(instance: Instance, changes: Row): Promise<void> {
    const before = instance.row;
    instance.row = await this.#write(instance.model, 'update', {
      ...changes,
      id: instance.id,
      updated_at: this.#now(),
    });
    this.#record(instance, 'changed', changedData(before, instance.row));
  }

  /** Saves a row as code does that made the object itself, with the key of an existing row: no old value is known. */
  async saveUnloaded({ model, id }: Instance, fields: Row): Promise<void> {
    const saved = { ...fields, id, updated_at: this.#now() };
    const row = await this.#write(model, 'update', saved);
    const given = Object.fromEntries(Object.keys(saved).map((column) => [column, row[column] ?? null]));
    this.#record({ model, id, row }, 'changed', addedData(given));
  }

  /** Deletes a row after everything that refers to it, with a log row for each, as Django's collector does. */
  async delete(instance: Instance): Promise<void> {
    const { model, id } = instance;
    for (const { referringModel, column } of referencesTo(model)) {
      const referring = await this.#load(referringModel, `${column} = $1 order by id for update`, [id]);
      for (const child of referring) await this.delete(child);
    }
    await this.query(`delete from ${model.table} where id = $1`, [id]);
    this.#record(instance, 'deleted', deletedData(instance.row));
  }

  /** A nested `atomic` block: a savepoint, which is released, or rolled back when the block answers 'roll back'. */
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

  /** Notes a change that the middleware does not see. */
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
    const highestId = this.#surroundings.highestId.get(model.table) ?? 1;
    for (const lowestId of [this.random.between(1, highestId), 1]) {
      const [found] = await this.query(`select id from ${model.table} where id >= $1 order by id limit 1`, [
        lowestId,
      ]);
      if (found !== undefined) return Number(found.id);
    }
    return null;
  }

  /** Inserts a row, or updates the one with the `id` among the fields, and returns the whole row as it is now. */
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

  /** The clock's time with microseconds, as Python's has them. */
  #now(): string {
    const microseconds = String(this.random.between(0, 999)).padStart(3, '0');
    return this.#surroundings.clock().toISOString().replace('Z', `${microseconds}Z`);
  }
}

/** A row that PostgreSQL gave as JSON, with times and decimals written as Django's encoder writes them. */
function instanceOf(model: Model, row: Row): Instance {
  const written = Object.entries(row).map(([column, value]): [string, Value] => {
    if (value === null) return [column, null];
    if (model.datetimeColumns.includes(column)) return [column, withMilliseconds(String(value))];
    if (model.decimalColumns.includes(column)) return [column, Number(value).toFixed(2)];
    return [column, value];
  });
  return { model, id: Number(row.id), row: Object.fromEntries(written) };
}

/** `2026-11-22T12:30:49.3724+00:00` → `2026-11-22T12:30:49.372Z`; a full second keeps no fraction. */
function withMilliseconds(time: string): string {
  const [seconds, fraction] = time.replace(/\+00:00$/, '').split('.');
  return fraction === undefined ? `${seconds}Z` : `${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
}

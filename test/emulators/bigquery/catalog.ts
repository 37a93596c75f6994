import type { Engine, Session } from './engine.ts';
import { duplicate, notFound } from './error.ts';
import { type Field, literal } from './field.ts';
import {
  type DatasetReference,
  displayName,
  type RoutineReference,
  storageSchema,
  type TableReference,
} from './names.ts';
import type { ProcedureArgument } from './script/statement.ts';
import { dropStorage, renameStorage } from './table-storage.ts';
import { Turns } from './turns.ts';

interface Described {
  readonly creationTime: string;
  readonly lastModifiedTime: string;
}

export interface Dataset extends Described {
  readonly reference: DatasetReference;
  readonly location: string;
  /** What new tables get: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset */
  readonly defaultCollation?: string;
  readonly defaultPartitionExpirationMs?: string;
}

/** The properties of a table that do not change its rows: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table */
export interface TableSettings {
  readonly timePartitioning?: {
    readonly type: string;
    readonly field: string;
    readonly expirationMs?: string;
  };
  readonly clustering?: { readonly fields: readonly string[] };
  readonly tableConstraints?: { readonly primaryKey?: { readonly columns: readonly string[] } };
  readonly description?: string;
  /** What new columns get. */
  readonly defaultCollation?: string;
  /** When the table is deleted, in milliseconds. The emulator deletes none. */
  readonly expirationTime?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** An interval as the REST interface writes it: `0-0 0 0:15:0`. */
  readonly maxStaleness?: string;
}

export interface Table extends Described, TableSettings {
  readonly reference: TableReference;
  readonly type: 'TABLE' | 'VIEW';
  readonly fields: readonly Field[];
  /** The query of a view. */
  readonly viewQuery?: string;
  /** The table has had an upsert stream, so DML that changes rows is refused. */
  readonly upsertStream?: boolean;
}

export interface Routine extends Described {
  readonly reference: RoutineReference;
  readonly arguments: readonly ProcedureArgument[];
  /** From BEGIN to END. */
  readonly body: string;
}

interface Records {
  dataset: Dataset;
  table: Table;
  routine: Routine;
}

type Kind = keyof Records;

const NOUNS: Readonly<Record<Kind, string>> = { dataset: 'Dataset', table: 'Table', routine: 'Routine' };

/**
 * The datasets, tables and routines that exist. One transaction of the engine writes a change here and the change of the storage, so that
 * a restart finds both or neither.
 */
export class Catalog {
  readonly #engine: Engine;
  /** One change at a time, since the engine would refuse one of two overlapping changes. */
  readonly #changes = new Turns();
  /** When the tables got their names, in microseconds, as far as the emulator has seen it since its start. */
  readonly #tableTimes = new Map<string, number>();
  readonly #records: { readonly [K in Kind]: Map<string, Records[K]> } = {
    dataset: new Map(),
    table: new Map(),
    routine: new Map(),
  };

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  static async open(engine: Engine): Promise<Catalog> {
    const catalog = new Catalog(engine);
    await engine.with(async (session) => {
      await session.run('create schema if not exists catalog');
      await session.run(
        'create table if not exists catalog.record(kind varchar not null, name varchar not null, content varchar not null)',
      );
      const { rows } = await session.query('select kind, name, content from catalog.record');
      for (const [kind, name, content] of rows) {
        catalog.#records[kind as Kind].set(String(name), JSON.parse(String(content)));
      }
    });
    return catalog;
  }

  /** The dataset of this reference, which may be a reference to a table or routine in it. */
  findDataset({ projectId, datasetId }: DatasetReference): Dataset | undefined {
    return this.#records.dataset.get(keyOf({ projectId, datasetId }));
  }

  findTable(reference: TableReference): Table | undefined {
    return this.#records.table.get(keyOf(reference));
  }

  findRoutine(reference: RoutineReference): Routine | undefined {
    return this.#records.routine.get(keyOf(reference));
  }

  dataset({ projectId, datasetId }: DatasetReference): Dataset {
    return this.findDataset({ projectId, datasetId }) ?? missing('dataset', { projectId, datasetId });
  }

  table(reference: TableReference): Table {
    this.dataset(reference);
    return this.findTable(reference) ?? missing('table', reference);
  }

  routine(reference: RoutineReference): Routine {
    this.dataset(reference);
    return this.findRoutine(reference) ?? missing('routine', reference);
  }

  /** Since when a table has its name, in microseconds; undefined if it had it when the emulator started. OR REPLACE changes nothing. */
  tableTime(reference: TableReference): number | undefined {
    return this.#tableTimes.get(keyOf(reference));
  }

  /** A table as another session sees it, whose transaction may have begun in the past. */
  async tableSeenBy(session: Session, reference: TableReference): Promise<Table> {
    const { value } = await session.value(
      `select content from catalog.record where kind = 'table' and name = ${literal(keyOf(reference))}`,
    );
    return JSON.parse(String(value));
  }

  /** In the order of their names. */
  datasets(projectId: string): Dataset[] {
    return sorted(this.#records.dataset).filter(({ reference }) => reference.projectId === projectId);
  }

  tables(dataset: DatasetReference): Table[] {
    return sorted(this.#records.table).filter(({ reference }) => isIn(reference, dataset));
  }

  /** The tables of all datasets. */
  allTables(): Table[] {
    return [...this.#records.table.values()];
  }

  /** The routines of all datasets. */
  allRoutines(): Routine[] {
    return [...this.#records.routine.values()];
  }

  async createDataset(dataset: Dataset): Promise<void> {
    const create = (session: Session) =>
      session.run(`create schema if not exists ${storageSchema(dataset.reference)}`);
    await this.#change('dataset', dataset, { mustBeNew: true, storage: create });
  }

  /** Changes the settings of a dataset. Tables that exist stay as they are. */
  async updateDataset(dataset: Dataset): Promise<void> {
    await this.#change('dataset', dataset);
  }

  async putTable(table: Table, change: Change = {}): Promise<void> {
    await this.#change('table', table, change);
  }

  /** From now on the table has an upsert stream. Safe to repeat. */
  async markUpsertStream(reference: TableReference): Promise<void> {
    const table = this.table(reference);
    if (!table.upsertStream) await this.putTable({ ...table, upsertStream: true });
  }

  async deleteTable(reference: TableReference): Promise<void> {
    const { type } = this.table(reference);
    await this.#remove('table', reference, async (session) => {
      if (type === 'TABLE') await dropStorage(session, reference);
    });
  }

  /** Gives a table another name in its dataset, and keeps its rows. Fails with `duplicate` if the name is taken. */
  async renameTable(table: Table, reference: TableReference): Promise<void> {
    if (this.findTable(reference)) throw alreadyExists('table', reference);
    const renamed = { ...table, reference };
    await this.#changes.run(async () => {
      await this.#engine.with((session) =>
        this.#engine.history.change(session, async () => {
          await renameStorage(session, table.reference, reference);
          await session.run(
            `update catalog.record set name = ${literal(keyOf(reference))}, content = ${literal(JSON.stringify(renamed))}
             where kind = 'table' and name = ${literal(keyOf(table.reference))}`,
          );
        }),
      );
      this.#records.table.delete(keyOf(table.reference));
      this.#records.table.set(keyOf(reference), renamed);
      this.#tableTimes.set(keyOf(reference), this.#engine.clock.now());
    });
  }

  async putRoutine(routine: Routine, change: Change = {}): Promise<void> {
    await this.#change('routine', routine, change);
  }

  async #change<K extends Kind>(kind: K, record: Records[K], change: Change = {}): Promise<void> {
    const key = keyOf(record.reference);
    await this.#changes.run(async () => {
      if (change.mustBeNew && this.#records[kind].has(key)) throw alreadyExists(kind, record.reference);
      await this.#write(kind, key, record, change);
      if (kind === 'table' && !this.#records.table.has(key)) {
        this.#tableTimes.set(key, this.#engine.clock.now());
      }
      this.#records[kind].set(key, record);
    });
  }

  async #remove(kind: Kind, reference: DatasetReference, storage?: Change['storage']): Promise<void> {
    const key = keyOf(reference);
    await this.#changes.run(async () => {
      await this.#write(kind, key, undefined, storage ? { storage } : {});
      this.#records[kind].delete(key);
    });
  }

  async #write(kind: Kind, key: string, record: unknown, { storage, session }: Change): Promise<void> {
    const write = (writer: Session) =>
      this.#engine.history.change(writer, async () => {
        await storage?.(writer);
        await writer.run(
          `delete from catalog.record where kind = ${literal(kind)} and name = ${literal(key)}`,
        );
        if (record === undefined) return;
        const values = [kind, key, JSON.stringify(record)].map(literal).join(', ');
        await writer.run(`insert into catalog.record values (${values})`);
      });
    await (session ? write(session) : this.#engine.with(write));
  }
}

/** How a record changes, and the storage with it. */
export interface Change {
  /** Fails with `duplicate` if the record exists. */
  readonly mustBeNew?: boolean;
  /** Creates or changes the storage of the rows, in the same transaction. */
  readonly storage?: (session: Session) => Promise<unknown>;
  /** The connection to use, if it must be that of a script. */
  readonly session?: Session;
}

/** The times of a record that is created now. */
export function createdNow(): Pick<Described, 'creationTime' | 'lastModifiedTime'> {
  const now = String(Date.now());
  return { creationTime: now, lastModifiedTime: now };
}

export function alreadyExists(kind: Kind, reference: DatasetReference) {
  return duplicate(`Already Exists: ${NOUNS[kind]} ${displayName(reference)}`);
}

function missing(kind: Kind, reference: DatasetReference): never {
  throw notFound(`Not found: ${NOUNS[kind]} ${displayName(reference)}`);
}

function keyOf(reference: DatasetReference & { tableId?: string; routineId?: string }): string {
  return displayName(reference);
}

function isIn(reference: DatasetReference, dataset: DatasetReference): boolean {
  return reference.projectId === dataset.projectId && reference.datasetId === dataset.datasetId;
}

function sorted<T>(records: ReadonlyMap<string, T>): T[] {
  return [...records].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
}

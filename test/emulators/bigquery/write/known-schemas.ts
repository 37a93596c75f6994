import type { Catalog, Table } from '../catalog.ts';
import { displayName, type TableReference } from '../names.ts';

/**
 * Tables as the Storage Write API knows them, which are those of the catalog unless a test delays them: "The Storage Write API (gRPC) detects
 * schema changes after a short time, on the order of minutes".
 * https://cloud.google.com/bigquery/docs/write-api-best-practices#handle_schema_updates
 */
export class KnownSchemas {
  readonly #catalog: Catalog;
  #delayed: ReadonlyMap<string, Table> = new Map();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** Keeps the tables as they are now. @returns a function that ends the delay, safe to repeat. */
  delay(): () => void {
    const delayed = new Map(this.#catalog.allTables().map((table) => [displayName(table.reference), table]));
    this.#delayed = delayed;
    return () => {
      if (this.#delayed === delayed) this.#delayed = new Map();
    };
  }

  /** @throws BigQueryError notFound */
  table(reference: TableReference): Table {
    const table = this.#catalog.table(reference);
    const delayed = this.#delayed.get(displayName(reference));
    if (delayed === undefined) return table;
    return isSame(delayed, table) ? { ...table, fields: delayed.fields } : delayed;
  }

  /**
   * Whether rows for this table go to one that had its name before: "deleting or recreating a table can create a period of time where
   * streaming inserts are effectively delivered to the old table". https://cloud.google.com/bigquery/docs/write-api-rest
   */
  isFormer(table: Table): boolean {
    return !isSame(table, this.#catalog.table(table.reference));
  }
}

/** A table that was created again under its name is another one. */
const isSame = (a: Table, b: Table): boolean => a.creationTime === b.creationTime;

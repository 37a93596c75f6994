import type { Catalog, Table } from '../catalog.ts';
import type { Field } from '../field.ts';
import { displayName, type TableReference } from '../names.ts';

/**
 * The columns of tables as the Storage Write API knows them, which are those of the catalog unless a test delays them: "The Storage Write API
 * (gRPC) detects schema changes after a short time, on the order of minutes".
 * https://cloud.google.com/bigquery/docs/write-api-best-practices#handle_schema_updates
 */
export class KnownSchemas {
  readonly #catalog: Catalog;
  #delayed: ReadonlyMap<string, readonly Field[]> = new Map();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** Keeps the columns that tables have now. @returns a function that ends the delay, safe to repeat. */
  delay(): () => void {
    const delayed = new Map(
      this.#catalog.allTables().map(({ reference, fields }) => [displayName(reference), fields]),
    );
    this.#delayed = delayed;
    return () => {
      if (this.#delayed === delayed) this.#delayed = new Map();
    };
  }

  /** @throws BigQueryError notFound */
  table(reference: TableReference): Table {
    const table = this.#catalog.table(reference);
    return { ...table, fields: this.#delayed.get(displayName(reference)) ?? table.fields };
  }
}

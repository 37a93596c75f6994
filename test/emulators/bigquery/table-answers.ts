import type { Catalog, Table } from './catalog.ts';
import type { Engine } from './engine.ts';
import { displayName, storageTable } from './names.ts';
import { measure } from './table-storage.ts';

export interface TableSize {
  readonly rows: bigint;
  readonly bytes: bigint;
}

/**
 * What tables.get answers. By default the number of rows is right at once, and the query of a view is the text that was sent. Google's page
 * promises neither, so a test can ask for other answers: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table
 */
export class TableAnswers {
  readonly #catalog: Catalog;
  readonly #engine: Engine;
  #formerSizes: ReadonlyMap<string, TableSize> = new Map();
  #rewriteQuery = (query: string): string => query;

  constructor(catalog: Catalog, engine: Engine) {
    this.#catalog = catalog;
    this.#engine = engine;
  }

  /** Keeps the sizes of all tables as they are now. @returns a function that ends the delay. */
  async delaySizes(): Promise<() => void> {
    const tables = this.#catalog.allTables().filter(({ type }) => type === 'TABLE');
    const sizes = await Promise.all(
      tables.map(async (table) => [keyOf(table), await this.#measure(table)] as const),
    );
    this.#formerSizes = new Map(sizes);
    return () => {
      this.#formerSizes = new Map();
    };
  }

  /** Answers the queries of all views in this form. @returns a function that ends that. */
  rewriteViewQueries(rewrite: (query: string) => string): () => void {
    const before = this.#rewriteQuery;
    this.#rewriteQuery = rewrite;
    return () => {
      this.#rewriteQuery = before;
    };
  }

  /** Undefined for a view. */
  async size(table: Table): Promise<TableSize | undefined> {
    if (table.type !== 'TABLE') return undefined;
    return this.#formerSizes.get(keyOf(table)) ?? (await this.#measure(table));
  }

  /** Undefined for a table. */
  viewQuery({ viewQuery }: Table): string | undefined {
    return viewQuery === undefined ? undefined : this.#rewriteQuery(viewQuery);
  }

  async #measure({ reference, fields }: Table): Promise<TableSize> {
    return await this.#engine.with((session) => measure(session, storageTable(reference), fields));
  }
}

/** A table that was created again under its name is another one. */
const keyOf = ({ reference, creationTime }: Table): string => `${displayName(reference)} ${creationTime}`;

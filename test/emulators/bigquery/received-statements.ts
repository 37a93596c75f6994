import { createHash, randomUUID } from 'node:crypto';
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Catalog } from './catalog.ts';
import type { QueryConfiguration } from './job.ts';

/** A column or a parameter. Types as the REST interface or GoogleSQL writes them. */
export interface ReceivedColumn {
  readonly name: string;
  readonly type: string;
  readonly isRepeated: boolean;
}

/** The text of a query job, and the tables, views and procedures of its project that it may name, as they were when it arrived. */
export interface ReceivedStatement {
  readonly sql: string;
  readonly projectId: string;
  readonly datasetId?: string | undefined;
  readonly parameters: readonly ReceivedColumn[];
  readonly tables: readonly { readonly path: string; readonly columns: readonly ReceivedColumn[] }[];
  readonly procedures: readonly { readonly path: string; readonly parameters: readonly ReceivedColumn[] }[];
}

/** Each installation of a test has a project of its own. Without its name, equal statements are equal. */
const ANY_PROJECT = 'any-project';

/**
 * Writes each different text of a query job to a file of its own in the folder BIGQUERY_RECEIVED_FOLDER, a line of JSON for each, for
 * `npm run check:sql`. Without that variable, nothing.
 */
export class ReceivedStatements {
  readonly #known = new Set<string>();
  readonly #catalog: Catalog;
  readonly #file: string | undefined;

  constructor(catalog: Catalog, isWanted: boolean) {
    this.#catalog = catalog;
    const folder = process.env.BIGQUERY_RECEIVED_FOLDER;
    if (!folder || !isWanted) return;
    mkdirSync(folder, { recursive: true });
    this.#file = path.join(folder, `${randomUUID()}.ndjson`);
  }

  record(projectId: string, configuration: QueryConfiguration): void {
    if (this.#file === undefined) return;
    const line = JSON.stringify(this.#received(projectId, configuration)).replaceAll(projectId, ANY_PROJECT);
    const hash = createHash('sha256').update(line).digest('base64');
    if (this.#known.has(hash)) return;
    this.#known.add(hash);
    appendFileSync(this.#file, `${line}\n`);
  }

  #received(
    projectId: string,
    { query, queryParameters = [], defaultDataset }: QueryConfiguration,
  ): ReceivedStatement {
    const isNamed = ({ path: name }: { path: string }): boolean =>
      name.startsWith(`${projectId}.`) && query.includes(name.slice(name.lastIndexOf('.') + 1));
    const tables = this.#catalog.allTables().map(({ reference, fields }) => ({
      path: `${reference.projectId}.${reference.datasetId}.${reference.tableId}`,
      columns: fields.map(({ name, type, mode }) => ({ name, type, isRepeated: mode === 'REPEATED' })),
    }));
    const procedures = this.#catalog.allRoutines().map(({ reference, arguments: given }) => ({
      path: `${reference.projectId}.${reference.datasetId}.${reference.routineId}`,
      parameters: given.map(({ name, type }) => ({ name, type, isRepeated: false })),
    }));
    return {
      sql: query,
      projectId: defaultDataset?.projectId ?? projectId,
      datasetId: defaultDataset?.datasetId,
      parameters: queryParameters.map(({ name, parameterType: { type, arrayType } }) => ({
        name,
        type: arrayType?.type ?? type,
        isRepeated: arrayType !== undefined,
      })),
      tables: tables.filter(isNamed),
      procedures: procedures.filter(isNamed),
    };
  }
}

import { type Request, Router } from 'express';
import { createdNow, type Table, type TableSettings } from '../catalog.ts';
import { invalid } from '../error.ts';
import { type Field, fieldOfSchema, storageType } from '../field.ts';
import { displayName, storageTable, type TableReference } from '../names.ts';
import { checkColumns, defaultTexts } from '../statement/create-table.ts';
import { describeQuery } from '../statement/query.ts';
import { StatementContext, type Warehouse } from '../statement/statement-context.ts';
import { addColumn, checkFields, createStorage, measure } from '../table-storage.ts';
import { columnNames, wireRow } from '../wire.ts';
import { sendRows } from './answer-rows.ts';
import { description } from './dataset-routes.ts';
import { numberOf, pageOf } from './list-page.ts';
import { type TableBody, tableBody } from './request-body.ts';
import { tableListItem, tableResource } from './resource.ts';
import { timestampFormat } from './timestamp-format.ts';

const TABLES = '/projects/:projectId/datasets/:datasetId/tables';

/** The rows of a page of tabledata.list if the request does not set `maxResults`. */
const DEFAULT_PAGE_ROWS = 50_000;

export function tableRoutes(warehouse: Warehouse): Router {
  const { catalog } = warehouse;
  const router = Router();
  router.get(TABLES, (request, response) => {
    catalog.dataset(request.params);
    const tables = catalog.tables(request.params);
    const { items, ...page } = pageOf(tables, request);
    response.json({
      kind: 'bigquery#tableList',
      tables: items.map(tableListItem),
      totalItems: tables.length,
      ...page,
    });
  });
  router.post(TABLES, async (request, response) => {
    response.json(
      await resource(await insertTable(request.params, tableBody.parse(request.body), warehouse), warehouse),
    );
  });
  router.get(`${TABLES}/:tableId`, async (request, response) => {
    response.json(await resource(catalog.table(request.params), warehouse));
  });
  for (const method of ['patch', 'put'] as const) {
    router[method](`${TABLES}/:tableId`, async (request, response) => {
      const table = await changeTable(
        catalog.table(request.params),
        tableBody.parse(request.body),
        warehouse,
      );
      response.json(await resource(table, warehouse));
    });
  }
  router.delete(`${TABLES}/:tableId`, async (request, response) => {
    await catalog.deleteTable(request.params);
    response.status(204).end();
  });
  router.get(`${TABLES}/:tableId/data`, async (request, response) => {
    sendRows(response, await listData(catalog.table(request.params), request, warehouse));
  });
  return router;
}

async function resource(table: Table, { catalog, engine }: Warehouse) {
  const size =
    table.type === 'TABLE'
      ? await engine.with((session) => measure(session, storageTable(table.reference), table.fields))
      : undefined;
  return tableResource(table, catalog.dataset(table.reference).location, size);
}

async function insertTable(
  dataset: { projectId: string; datasetId: string },
  body: TableBody,
  warehouse: Warehouse,
): Promise<Table> {
  const { catalog } = warehouse;
  const { location } = catalog.dataset(dataset);
  if (!body.tableReference) throw invalid('Required parameter is missing: tableReference');
  const { projectId, datasetId } = dataset;
  const reference: TableReference = { projectId, datasetId, tableId: body.tableReference.tableId };
  const described = { reference, ...createdNow(), ...description(body, {}) };
  return await withContext(warehouse, location, projectId, async (context) => {
    if (body.view) {
      const { sql, bindings, names } = context.translation().query(body.view.query);
      const fields = await describeQuery(sql, bindings, names, context);
      const view: Table = { ...described, type: 'VIEW', fields, viewQuery: body.view.query };
      await catalog.putTable(view, { mustBeNew: true });
      return view;
    }
    const fields = fieldsOf(body) ?? [];
    checkFields(fields);
    const table: Table = { ...described, type: 'TABLE', fields, ...settingsOf(body) };
    checkColumns(fields, table);
    const defaults = defaultTexts(fields, context);
    await catalog.putTable(table, {
      mustBeNew: true,
      storage: (session) => createStorage(session, storageTable(reference), fields, defaults),
    });
    return table;
  });
}

/**
 * Adds columns and changes settings that leave the rows unchanged.
 * https://cloud.google.com/bigquery/docs/managing-table-schemas
 */
async function changeTable(before: Table, body: TableBody, warehouse: Warehouse): Promise<Table> {
  const { catalog } = warehouse;
  const fields = fieldsOf(body) ?? before.fields;
  const table: Table = {
    ...before,
    ...settingsOf(body),
    ...description(body, before.labels ?? {}),
    fields,
    ...(body.view && { viewQuery: body.view.query }),
    lastModifiedTime: String(Date.now()),
  };
  const added = before.type === 'TABLE' ? addedFields(before, fields) : [];
  checkColumns(fields, table);
  await catalog.putTable(table, {
    storage: async (session) => {
      for (const field of added) await addColumn(session, storageTable(before.reference), field);
    },
  });
  return table;
}

function addedFields(before: Table, fields: readonly Field[]): Field[] {
  const mismatch = (what: string) =>
    invalid(`Provided Schema does not match Table ${displayName(before.reference)}. ${what}`);
  for (const own of before.fields) {
    const field = fields.find(({ name }) => name === own.name);
    if (!field) throw mismatch(`Field ${own.name} is missing in new schema`);
    if (storageType(field) !== storageType(own)) throw mismatch(`Field ${own.name} has changed type`);
    if (field.mode !== own.mode) {
      throw mismatch(`Field ${own.name} has changed mode from ${own.mode} to ${field.mode}`);
    }
  }
  const added = fields.filter(({ name }) => !before.fields.some((own) => own.name === name));
  // https://cloud.google.com/bigquery/docs/managing-table-schemas
  const required = added.find(({ mode }) => mode === 'REQUIRED');
  if (required) throw mismatch(`Cannot add required fields to an existing schema. (field: ${required.name})`);
  return added;
}

function fieldsOf({ schema }: TableBody): Field[] | undefined {
  return schema?.fields.map(fieldOfSchema);
}

function settingsOf(body: TableBody): TableSettings {
  const {
    timePartitioning,
    rangePartitioning,
    clustering,
    tableConstraints,
    requirePartitionFilter,
    expirationTime,
    maxStaleness,
  } = body;
  const settings = {
    timePartitioning,
    rangePartitioning,
    clustering,
    tableConstraints,
    requirePartitionFilter,
    expirationTime,
    maxStaleness,
  };
  return JSON.parse(JSON.stringify(settings));
}

async function listData(table: Table, request: Request, { engine }: Warehouse) {
  if (table.type !== 'TABLE') throw invalid(`Cannot list a table of type ${table.type}.`);
  const start = numberOf(request, 'pageToken') ?? numberOf(request, 'startIndex') ?? 0;
  const wanted = numberOf(request, 'maxResults') ?? DEFAULT_PAGE_ROWS;
  const storage = storageTable(table.reference);
  return await engine.with(async (session) => {
    const { value: total } = await session.value(`select count(*) from ${storage}`);
    const rows: string[] = [];
    const row = wireRow(table.fields, columnNames(table.fields), timestampFormat(request.query));
    for await (const batch of session.texts(`select ${row} from ${storage} limit ${wanted} offset ${start}`))
      rows.push(...batch);
    const next = start + rows.length;
    const more = rows.length > 0 && BigInt(next) < BigInt(String(total));
    const body = {
      kind: 'bigquery#tableDataList',
      totalRows: String(total),
      ...(more && { pageToken: String(next) }),
    };
    return { body, rows };
  });
}

async function withContext<T>(
  warehouse: Warehouse,
  location: string,
  projectId: string,
  work: (context: StatementContext) => Promise<T>,
): Promise<T> {
  return await warehouse.engine.with((session) =>
    work(
      new StatementContext(warehouse, session, {
        defaults: { projectId },
        location,
        stopSignal: new AbortController().signal,
        parameters: new Map(),
      }),
    ),
  );
}

import { Router } from 'express';
import type { Table } from '../catalog.ts';
import type { Warehouse } from '../statement/statement-context.ts';
import type { TableAnswers } from '../table-answers.ts';
import { pageOf } from './list-page.ts';
import { patchedTable, tablePatch } from './patch-table.ts';
import { tableListItem, tableResource } from './resource.ts';

const TABLES = '/projects/:projectId/datasets/:datasetId/tables';

/** Lists, describes and patches tables, which only SQL creates: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables */
export function tableRoutes({ catalog }: Warehouse, answers: TableAnswers): Router {
  const router = Router();
  const resource = async (table: Table) =>
    tableResource(table, catalog.dataset(table.reference).location, {
      size: await answers.size(table),
      viewQuery: answers.viewQuery(table),
    });
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
  router.get(`${TABLES}/:tableId`, async (request, response) => {
    response.json(await resource(catalog.table(request.params)));
  });
  router.patch(`${TABLES}/:tableId`, async (request, response) => {
    const table = catalog.table(request.params);
    const patch = tablePatch.parse(request.body);
    await catalog.putTable(patchedTable(table, patch, catalog.dataset(table.reference).location));
    response.json(await resource(catalog.table(request.params)));
  });
  return router;
}

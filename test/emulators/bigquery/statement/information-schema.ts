import { literal } from '../field.ts';
import type { DatasetReference } from '../names.ts';
import type { Source } from '../translate/translation-context.ts';
import type { StatementContext } from './statement-context.ts';

const VIEW = /^(.+)\.INFORMATION_SCHEMA\.TABLES$/i;

/** The rows behind `dataset.INFORMATION_SCHEMA.TABLES`: https://cloud.google.com/bigquery/docs/information-schema-tables */
export function informationSchema(path: string, context: StatementContext): Source | undefined {
  const dataset = VIEW.exec(path)?.[1];
  if (dataset === undefined) return undefined;
  const { projectId, datasetId } = datasetOf(dataset, context.defaults.projectId);
  context.checkLocation({ projectId, datasetId });
  const columns = ['table_catalog', 'table_schema', 'table_name', 'table_type', 'creation_time'];
  const rows = context.warehouse.catalog
    .tables({ projectId, datasetId })
    .map(({ reference, type, creationTime }) => {
      const kind = type === 'VIEW' ? 'VIEW' : 'BASE TABLE';
      const texts = [projectId, datasetId, reference.tableId, kind].map(literal).join(', ');
      return `${texts}, make_timestamptz(${creationTime}000)`;
    });
  return relation(columns, rows);
}

function datasetOf(path: string, projectId: string): DatasetReference {
  const parts = path.split('.');
  const datasetId = parts.pop() ?? '';
  return { projectId: parts.length > 0 ? parts.join('.') : projectId, datasetId };
}

function relation(columns: readonly string[], rows: readonly string[]): Source {
  const empty = `select ${columns.map((name) => `null as ${name}`).join(', ')} where false`;
  const sql =
    rows.length === 0
      ? `(${empty})`
      : `(select * from (values ${rows.map((row) => `(${row})`).join(', ')}) t(${columns.join(', ')}))`;
  return { columns, sql };
}

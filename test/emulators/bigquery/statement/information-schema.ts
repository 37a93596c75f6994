import { type Field, literal, typeName } from '../field.ts';
import type { DatasetReference } from '../names.ts';
import type { Source } from '../translate/translation-context.ts';
import type { StatementContext } from './statement-context.ts';

const VIEW = /^(.+)\.INFORMATION_SCHEMA\.(TABLES|COLUMNS)$/i;

/**
 * Returns the relation for a name such as `dataset.INFORMATION_SCHEMA.COLUMNS`; undefined for other names.
 * https://cloud.google.com/bigquery/docs/information-schema-tables
 * https://cloud.google.com/bigquery/docs/information-schema-columns
 */
export function informationSchema(path: string, context: StatementContext): Source | undefined {
  const [, dataset = '', view = ''] = VIEW.exec(path) ?? [];
  if (view === '') return undefined;
  const { projectId, datasetId } = datasetOf(dataset, context.defaults.projectId);
  context.checkLocation({ projectId, datasetId });
  const tables = context.warehouse.catalog.tables({ projectId, datasetId });
  if (view.toUpperCase() === 'TABLES') {
    const columns = ['table_catalog', 'table_schema', 'table_name', 'table_type', 'creation_time'];
    const rows = tables.map(({ reference, type, creationTime }) => {
      const kind = type === 'VIEW' ? 'VIEW' : 'BASE TABLE';
      return `${texts(projectId, datasetId, reference.tableId, kind)}, make_timestamptz(${creationTime}000)`;
    });
    return relation(columns, rows);
  }
  const columns = [
    'table_catalog',
    'table_schema',
    'table_name',
    'column_name',
    'ordinal_position',
    'is_nullable',
    'data_type',
  ];
  const rows = tables.flatMap(({ reference, fields }) =>
    fields.map((field: Field, index) => {
      const names = texts(projectId, datasetId, reference.tableId, field.name);
      return `${names}, ${index + 1}::bigint, ${texts(field.mode === 'REQUIRED' ? 'NO' : 'YES', typeName(field))}`;
    }),
  );
  return relation(columns, rows);
}

function datasetOf(path: string, projectId: string): DatasetReference {
  const parts = path.split('.');
  const datasetId = parts.pop() ?? '';
  return { projectId: parts.length > 0 ? parts.join('.') : projectId, datasetId };
}

function texts(...values: string[]): string {
  return values.map(literal).join(', ');
}

function relation(columns: readonly string[], rows: readonly string[]): Source {
  const empty = `select ${columns.map((name) => `null as ${name}`).join(', ')} where false`;
  const sql =
    rows.length === 0
      ? `(${empty})`
      : `(select * from (values ${rows.map((row) => `(${row})`).join(', ')}) t(${columns.join(', ')}))`;
  return { columns, sql };
}

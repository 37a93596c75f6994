import type { Column } from '../model/columns.ts';
import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { CatalogColumn } from './catalog.ts';
import { columnForm, datetimeForm, inStreamingWindow } from './column-type.ts';

/** What becomes of values that BigQuery cannot hold. */
type Policy = 'stop' | 'null' | 'string';

/** A column as it is read: `expression` and `unrepresentable.when` are SQL over the view's alias `v`. */
export type SourceColumn = Column & {
  expression: string;
  /** The values that BigQuery cannot hold; null when the type has none. They stop the batch, or the column's policy lets them pass. */
  unrepresentable: { when: string; policy: Policy; reasons: { when: string; reason: string }[] } | null;
};

/** How a column of the view is read when the whole view is copied. */
export function sourceColumn(source: ViewSource, column: CatalogColumn): SourceColumn {
  return columnOf(source, column, formOf(source, column));
}

/** How it is read of rows that changed. */
export function changeColumn(source: ViewSource, column: CatalogColumn): SourceColumn {
  return columnOf(source, column, changeFormOf(source, column));
}

type Form = ReturnType<typeof columnForm>;

const formOf = (source: ViewSource, column: CatalogColumn): Form =>
  source.datetimeColumns.includes(column.column) ? datetimeForm(column) : columnForm(column);

/** A change that is streamed must besides lie in the window that BigQuery accepts for the partition column. */
function changeFormOf(source: ViewSource, column: CatalogColumn): Form {
  const form = formOf(source, column);
  const isStreamedPartition =
    source.loadType === 'bq-storage-api' && source.partition?.column === column.column && !form.isRepeated;
  return isStreamedPartition ? { ...form, ...inStreamingWindow(form) } : form;
}

function columnOf(source: ViewSource, column: CatalogColumn, form: Form): SourceColumn {
  const name = column.column;
  const isKey = name === source.keyColumn;
  const value = `v.${quoteIdentifier(name)}`;
  const fallback = configured(source.nullDefaults, name);
  const policy: Policy = configured(source.unrepresentable, name) ?? 'stop';
  const unrepresentable =
    form.unrepresentable === undefined
      ? null
      : {
          when: form.unrepresentable.when(value),
          policy,
          reasons: (form.unrepresentable.reasons ?? [form.unrepresentable]).map(({ when, reason }) => ({
            when: when(value),
            reason,
          })),
        };
  const mode = form.isRepeated ? 'REPEATED' : isKey ? 'REQUIRED' : 'NULLABLE';
  const written = { name, type: form.type, mode, unrepresentable } as const;
  const withDefault = (formed: string) => (fallback === undefined ? formed : orDefault(formed, fallback));
  const formed = withDefault(form.form(value));
  if (unrepresentable === null) return { ...written, expression: formed };
  switch (policy) {
    case 'string':
      return { ...written, type: 'STRING', mode: 'NULLABLE', expression: withDefault(`${value}::text`) };
    case 'null': {
      // A REPEATED column has no NULL.
      const nothing = form.isRepeated ? `'[]'::json` : 'null';
      return {
        ...written,
        expression: `case when ${unrepresentable.when} then ${nothing} else ${formed} end`,
      };
    }
    case 'stop':
      return { ...written, expression: guarded(value, column, formed, unrepresentable.when) };
  }
}

/** A column may be named like something that every object has: constructor. */
const configured = <T>(byColumn: Record<string, T>, name: string): T | undefined =>
  Object.hasOwn(byColumn, name) ? byColumn[name] : undefined;

const orDefault = (formed: string, fallback: string | number | boolean): string =>
  `coalesce(to_json(${formed}), to_json(${quoteLiteral(String(fallback))}::text))`;

/**
 * The formed value, or a cast that must fail, which stops the COPY at the row (I9); the fetch then looks up which row it
 * was. The text that is cast depends on the row, or the planner would evaluate the cast by itself. Where the value is
 * written as it is, both arms are of its own type, which row_to_json writes faster than json.
 */
function guarded(value: string, column: CatalogColumn, formed: string, when: string): string {
  const failing = `('unrepresentable' || left(${value}::text, 0))`;
  return formed === value
    ? `case when ${when} then ${failing}::${column.name} else ${formed} end`
    : `case when ${when} then to_json(${failing}::int) else to_json(${formed}) end`;
}

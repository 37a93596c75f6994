import type { Column } from '../model/columns.ts';
import { defaultWriter } from '../model/default-value.ts';
import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { CatalogColumn } from './catalog.ts';
import type { ColumnForm } from './column-form.ts';
import { type ColumnOptions, columnText } from './column-text.ts';
import { columnForm } from './column-type.ts';
import { datetimeForm, inStreamingWindow, type StreamedWindow } from './datetime-form.ts';
import type { ColumnPlan } from './decode/column-plan.ts';
import { NULL_ARRAY } from './decode/reasons.ts';
import { decodeText } from './decode/value-decoder.ts';

/** What to do with a value that BigQuery cannot hold: stop the batch, write NULL, or make the column a STRING. */
type Policy = ColumnOptions['policy'];

/** A column and how it is read. `expression`, `text` and every `when` are SQL over the view's alias `v`. */
export type SourceColumn = Column & {
  /** How it is copied and encoded. */
  plan: ColumnPlan;
  /** The value as JSON, by which the check shows it. */
  expression: string;
  /** The text by which the value is compared with the target's, for a REPEATED column an array of texts (`columnText`); null if it is compared by value. */
  text: string | null;
  /** The values that BigQuery cannot hold; null if BigQuery holds every value of the type. */
  unrepresentable: { when: string; policy: Policy } | null;
  /** For a REPEATED column: the values that are NULL, and whether they arrive as empty arrays or stop the batch. */
  nullArray: { when: string; policy: 'empty' | 'stop' } | null;
};

/** A column of the view as it is read when the whole view is copied. */
export function sourceColumn(source: ViewSource, column: CatalogColumn): SourceColumn {
  return columnOf(source, column, formOf(source, column));
}

/**
 * A column of the view as it is read for rows that changed. If changes are streamed, values of the partition column must also
 * lie in the range that BigQuery accepts.
 */
export function changeColumn(
  source: ViewSource,
  column: CatalogColumn,
  window: StreamedWindow | null,
): SourceColumn {
  const form = formOf(source, column);
  const isPartition = source.partition?.column === column.column && !form.isRepeated;
  return columnOf(source, column, isPartition && window !== null ? inStreamingWindow(form, window) : form);
}

const formOf = (source: ViewSource, column: CatalogColumn): ColumnForm =>
  source.datetimeColumns.includes(column.column) ? datetimeForm(column) : columnForm(column);

function columnOf(source: ViewSource, column: CatalogColumn, form: ColumnForm): SourceColumn {
  const written = valuesOf(source, column, form);
  const described = { ...written, plan: planOf(source, column, form, written) };
  if (written.mode !== 'REPEATED') return { ...described, nullArray: null };
  const when = `v.${quoteIdentifier(column.column)} is null`;
  return { ...described, nullArray: { when, policy: nullArrayPolicy(source, column.column) } };
}

function planOf(
  source: ViewSource,
  column: CatalogColumn,
  form: ColumnForm,
  { type, mode, unrepresentable }: Pick<SourceColumn, 'type' | 'mode' | 'unrepresentable'>,
): ColumnPlan {
  const name = column.column;
  const value = `v.${quoteIdentifier(name)}`;
  const copied = form.copied?.(value) ?? value;
  const policy = unrepresentable?.policy ?? 'stop';
  const fallback = configured(source.nullDefaults, name);
  const isList = mode === 'REPEATED';
  const stopsAtNull = isList && nullArrayPolicy(source, name) === 'stop';
  return {
    name,
    policy,
    ...(policy === 'string'
      ? { copied: `${value}::text`, decode: decodeText, counted: { copied, decode: form.decode } }
      : { copied, decode: form.decode, counted: null }),
    fallback: fallback === undefined || isList ? null : defaultWriter(type, String(fallback)),
    nullStops: stopsAtNull ? NULL_ARRAY : null,
    isNullReplaced: isList,
  };
}

function valuesOf(
  source: ViewSource,
  column: CatalogColumn,
  form: ColumnForm,
): Omit<SourceColumn, 'nullArray' | 'plan'> {
  const name = column.column;
  const isKey = name === source.keyColumn;
  const value = `v.${quoteIdentifier(name)}`;
  const fallback = configured(source.nullDefaults, name);
  const policy: Policy = configured(source.unrepresentable, name) ?? 'stop';
  const unrepresentable =
    form.unrepresentable === undefined ? null : { when: form.unrepresentable.when(value), policy };
  const mode = form.isRepeated ? 'REPEATED' : isKey ? 'REQUIRED' : 'NULLABLE';
  const withDefault = (formed: string) => (fallback === undefined ? formed : orDefault(formed, fallback));
  const formed = withDefault(form.toJson(value));
  const stopsAtNullArray = form.isRepeated && nullArrayPolicy(source, name) === 'stop';
  const text = columnText(form, value, { policy, fallback, stopsAtNullArray });
  const written = { name, type: form.type, mode, unrepresentable, expression: formed, text } as const;
  if (unrepresentable === null) return written;
  const { when } = unrepresentable;
  switch (policy) {
    case 'string':
      return { ...written, type: 'STRING', mode: 'NULLABLE', expression: withDefault(`${value}::text`) };
    case 'null': {
      // A REPEATED column cannot be NULL.
      const nothing = form.isRepeated ? `'[]'::json` : 'null';
      return { ...written, expression: `case when ${when} then ${nothing} else ${formed} end` };
    }
    case 'stop':
      return written;
  }
}

const nullArrayPolicy = (source: ViewSource, name: string): 'empty' | 'stop' =>
  configured(source.nullArrays, name) ?? 'empty';

/** A column may have the name of a property that every object inherits, such as `constructor`. */
const configured = <T>(byColumn: Record<string, T>, name: string): T | undefined =>
  Object.hasOwn(byColumn, name) ? byColumn[name] : undefined;

const orDefault = (formed: string, fallback: string | number | boolean): string =>
  `coalesce(to_json(${formed}), to_json(${quoteLiteral(String(fallback))}::text))`;

import type { Column } from '../model/columns.ts';
import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { CatalogColumn } from './catalog.ts';
import type { ColumnForm } from './column-form.ts';
import { type ColumnOptions, columnText } from './column-text.ts';
import { columnForm } from './column-type.ts';
import { datetimeForm, inStreamingWindow } from './datetime-form.ts';

/** What to do with a value that BigQuery cannot hold: stop the batch, write NULL, or make the column a STRING. */
type Policy = ColumnOptions['policy'];

/** A column and how it is read. `expression`, `text` and every `when` are SQL over the view's alias `v`. */
export type SourceColumn = Column & {
  /** The value as it is staged. */
  expression: string;
  /** The text by which the value is compared with the target's, for a REPEATED column an array of texts (`columnText`); null if it is compared by value. */
  text: string | null;
  /** The values that BigQuery cannot hold; null if BigQuery holds every value of the type. `reasons` tells the causes apart. */
  unrepresentable: { when: string; policy: Policy; reasons: { when: string; reason: string }[] } | null;
  /** For a REPEATED column: the values that are NULL, and whether they arrive as empty arrays or stop the batch. */
  nullArray: { when: string; policy: 'empty' | 'stop' } | null;
};

/** Why a value arrives as something else: BigQuery cannot hold it, or it is an array that is NULL. */
export type Replacement = 'unrepresentable' | 'nullArray';

/** The values of a column that arrive as something else, as its policies say. Each `when` is a SQL condition. */
export function replacedValues({
  unrepresentable,
  nullArray,
}: SourceColumn): { why: Replacement; when: string }[] {
  return [
    ...(unrepresentable === null || unrepresentable.policy === 'stop'
      ? []
      : [{ why: 'unrepresentable', when: unrepresentable.when } as const]),
    ...(nullArray?.policy === 'empty' ? [{ why: 'nullArray', when: nullArray.when } as const] : []),
  ];
}

/** The values of a column that stop a batch, each with its reason. */
export function stoppingValues({
  unrepresentable,
  nullArray,
}: SourceColumn): { when: string; reason: string }[] {
  return [
    ...(unrepresentable?.policy === 'stop' ? unrepresentable.reasons : []),
    ...(nullArray?.policy === 'stop' ? [{ when: nullArray.when, reason: NULL_ARRAY }] : []),
  ];
}

const NULL_ARRAY = 'is NULL, and a column of arrays cannot be NULL in BigQuery';

/** A column of the view as it is read when the whole view is copied. */
export function sourceColumn(source: ViewSource, column: CatalogColumn): SourceColumn {
  return columnOf(source, column, formOf(source, column));
}

/**
 * A column of the view as it is read for rows that changed. If changes are streamed, values of the partition column must also
 * lie in the range that BigQuery accepts.
 */
export function changeColumn(source: ViewSource, column: CatalogColumn): SourceColumn {
  const form = formOf(source, column);
  const isStreamedPartition =
    source.loadType === 'bq-storage-api' && source.partition?.column === column.column && !form.isRepeated;
  return columnOf(source, column, isStreamedPartition ? inStreamingWindow(form) : form);
}

const formOf = (source: ViewSource, column: CatalogColumn): ColumnForm =>
  source.datetimeColumns.includes(column.column) ? datetimeForm(column) : columnForm(column);

function columnOf(source: ViewSource, column: CatalogColumn, form: ColumnForm): SourceColumn {
  const written = valuesOf(source, column, form);
  if (written.mode !== 'REPEATED') return { ...written, nullArray: null };
  const value = `v.${quoteIdentifier(column.column)}`;
  const when = `${value} is null`;
  const policy = nullArrayPolicy(source, column.column);
  const expression =
    policy === 'stop' ? guarded(value, column, written.expression, when) : written.expression;
  return { ...written, expression, nullArray: { when, policy } };
}

function valuesOf(
  source: ViewSource,
  column: CatalogColumn,
  form: ColumnForm,
): Omit<SourceColumn, 'nullArray'> {
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
      return { ...written, expression: guarded(value, column, formed, when) };
  }
}

const nullArrayPolicy = (source: ViewSource, name: string): 'empty' | 'stop' =>
  configured(source.nullArrays, name) ?? 'empty';

/** A column may have the name of a property that every object inherits, such as `constructor`. */
const configured = <T>(byColumn: Record<string, T>, name: string): T | undefined =>
  Object.hasOwn(byColumn, name) ? byColumn[name] : undefined;

const orDefault = (formed: string, fallback: string | number | boolean): string =>
  `coalesce(to_json(${formed}), to_json(${quoteLiteral(String(fallback))}::text))`;

/**
 * The value in its staged form, or a cast that always fails and so stops the COPY at that row (I9); `findRefused` then finds the
 * row. The text of the failing cast depends on the row: the planner would evaluate a constant cast ahead of time. If the value
 * is staged unchanged, both branches keep its own type, because row_to_json writes that faster than json.
 */
function guarded(value: string, column: CatalogColumn, formed: string, when: string): string {
  const failing = `('unrepresentable' || coalesce(left(${value}::text, 0), ''))`;
  return formed === value
    ? `case when ${when} then ${failing}::${column.name} else ${formed} end`
    : `case when ${when} then to_json(${failing}::int) else to_json(${formed}) end`;
}

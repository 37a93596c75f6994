import { quoteIdentifier } from '../../shared/postgres/quote.ts';
import type { Queryable } from '../../shared/postgres/transaction.ts';
import type { CatalogColumn, Relation } from '../../shared/source/catalog.ts';
import { datetimeForm } from '../../shared/source/datetime-form.ts';
import { readBriefly } from '../../shared/source/read-briefly.ts';

export type DatetimeChoice = { columns: string[]; reason: string | null; todo: string[] };

const SAMPLE_ROWS = 1000;
/** A text with a date alone is no time. */
const DATE_LENGTH = 10;

const TEXTS = ['text', 'varchar', 'bpchar'];
const NAMED_UTC = /(^|_)(utc|gmt)(_|$)/i;
/** `at time zone 'UTC'`, as PostgreSQL writes it out in the definition of a view. */
const IN_UTC = /(AT TIME ZONE|timezone\()\s*'(UTC|Etc\/UTC|GMT|Z)'/i;

/**
 * Proposes the columns that hold UTC times as text or as timestamps without time zone: where the view converts them to UTC itself, or their name says so.
 * Of others, which look like times, a person knows the time zone.
 */
export async function proposeDatetimes(
  client: Queryable,
  view: Relation,
  columns: readonly CatalogColumn[],
): Promise<DatetimeChoice> {
  const definition = await readLines(client, view);
  const utc: string[] = [];
  const unclear: { column: string; isText: boolean }[] = [];
  for (const column of columns) {
    const isText = TEXTS.includes(column.name);
    if (column.isArray || !(isText || column.name === 'timestamp')) continue;
    if (isText && !(await looksLikeTimes(client, view, column))) continue;
    const isUtc = NAMED_UTC.test(column.column) || IN_UTC.test(definition.get(column.column) ?? '');
    if (isUtc) utc.push(column.column);
    else unclear.push({ column: column.column, isText });
  }
  const of = (isText: boolean): string =>
    unclear
      .filter((each) => each.isText === isText)
      .map(({ column }) => column)
      .join(', ');
  const ask = (names: string, what: string, otherwise: string): string[] =>
    names === ''
      ? []
      : [
          `datetime_columns: ${names}: ${what}, and nothing shows its time zone. If it is UTC, add the column, and it becomes TIMESTAMP; if not, leave it out, and it stays ${otherwise}. A change later needs a new target.`,
        ];
  return {
    columns: utc,
    reason:
      utc.length === 0
        ? null
        : `${utc.join(', ')}: the view converts to UTC, or the name says so; the target gets TIMESTAMP.`,
    todo: [
      ...ask(of(false), 'a timestamp without time zone', 'DATETIME'),
      ...ask(of(true), 'a time as text', 'STRING'),
    ],
  };
}

/** The line of the view's definition that ends with each of its columns, as PostgreSQL writes it. */
async function readLines(client: Queryable, { oid, isView }: Relation): Promise<Map<string, string>> {
  if (!isView) return new Map();
  const { rows } = await client.query(
    `select a.attname::text as column, (
       select line from regexp_split_to_table(pg_get_viewdef($1::oid), E'\\n') line
       where rtrim(line, ', ') like '% AS ' || replace(replace(quote_ident(a.attname), '\\', '\\\\'), '_', '\\_') limit 1) as line
     from pg_attribute a where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped`,
    [oid],
  );
  return new Map(
    rows.flatMap((row) => (row.line === null ? [] : [[row.column as string, row.line as string]])),
  );
}

/** Whether the first values of a text column are all dates with a time. */
async function looksLikeTimes(client: Queryable, view: Relation, column: CatalogColumn): Promise<boolean> {
  const value = `v.${quoteIdentifier(column.column)}`;
  const isRefused = datetimeForm(column).unrepresentable?.when(value);
  if (isRefused === undefined) return false;
  const found = await readBriefly(
    client,
    async () =>
      (
        await client.query(
          `select count(*)::int as values, count(*) filter (where length(btrim(${value})) <= ${DATE_LENGTH} or ${isRefused})::int as others
           from (select ${value} from ${view.name} v where ${value} is not null limit ${SAMPLE_ROWS}) v`,
        )
      ).rows[0] as { values: number; others: number },
  );
  return found !== null && found.values > 0 && found.others === 0;
}

import { quoteIdentifier } from '../../shared/postgres/quote.ts';
import type { Queryable } from '../../shared/postgres/transaction.ts';
import type { CatalogColumn, Relation } from '../../shared/source/catalog.ts';
import type { ColumnForm } from '../../shared/source/column-form.ts';
import { columnForm } from '../../shared/source/column-type.ts';
import { datetimeForm } from '../../shared/source/datetime-form.ts';
import { readBriefly } from '../../shared/source/read-briefly.ts';
import type { DateFacts, LayoutFacts } from './propose-layout.ts';

const DATES: readonly string[] = ['DATE', 'DATETIME', 'TIMESTAMP'];
const TIMEOUT_SECONDS = 60;

/** Reads what partitions and clustering depend on; no dates if that takes longer than a minute. */
export async function readLayoutFacts(
  client: Queryable,
  view: Relation,
  {
    columns,
    datetimes,
    pointing,
    rows,
  }: {
    columns: readonly CatalogColumn[];
    datetimes: readonly string[];
    /** The columns that point at lookups. */
    pointing: readonly string[];
    rows: number | null;
  },
): Promise<LayoutFacts> {
  const forms = columns.map((column) => ({
    column: column.column,
    form: datetimes.includes(column.column) ? datetimeForm(column) : columnForm(column),
  }));
  const dates = forms.filter(({ form }) => !form.isRepeated && DATES.includes(form.type));
  return {
    rows,
    dates: rows === null || rows === 0 ? [] : await readDates(client, view, dates),
    references: forms
      .filter(({ column }) => pointing.includes(column))
      .map(({ column, form }) => ({ column, type: form.type, isRepeated: form.isRepeated })),
  };
}

async function readDates(
  client: Queryable,
  view: Relation,
  dates: readonly { column: string; form: ColumnForm }[],
): Promise<DateFacts[]> {
  if (dates.length === 0) return [];
  const selected = dates.flatMap(({ column, form }, i) => {
    const value = `v.${quoteIdentifier(column)}`;
    const held = `case when ${form.unrepresentable?.when(value) ?? 'false'} then null else ${value}::timestamp end`;
    const ms = (bound: string) => `(extract(epoch from ${bound}(${held})) * 1000)::float8`;
    return [
      `${ms('min')} as "from${i}"`,
      `${ms('max')} as "to${i}"`,
      `(1 - count(${held}) / greatest(count(*), 1)::float8) as "null${i}"`,
    ];
  });
  const found = await readBriefly(
    client,
    async () =>
      (await client.query(`select ${selected.join(', ')} from ${view.name} v`)).rows[0] as Record<
        string,
        number | null
      >,
    TIMEOUT_SECONDS,
  );
  if (found === null) return [];
  return dates.map(({ column, form }, i) => {
    const [from, to] = [found[`from${i}`] ?? null, found[`to${i}`] ?? null];
    return {
      column,
      type: form.type as DateFacts['type'],
      nullShare: found[`null${i}`] ?? 0,
      span: from === null || to === null ? null : { from: new Date(from), to: new Date(to) },
    };
  });
}

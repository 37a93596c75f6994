import pg from 'pg';

/** The settings under which PostgreSQL writes texts as docs/architecture.md#types says. */
const FIXED: Record<string, string> = {
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  TimeZone: 'UTC',
};

/** The types money and money[]. */
const MONEY: readonly number[] = [790, 791];

/**
 * A query for the texts `columns` of the rows of a view, as `v`. The view computes under the settings of the session, as for the application;
 * the texts are written under ours. Where the two differ, the settings change twice for each row.
 */
export async function withFixedTexts(
  client: pg.ClientBase,
  { columns, view, typeIds }: { columns: string; view: string; typeIds: readonly number[] },
): Promise<string> {
  const relation = pg.escapeIdentifier(view);
  const hasMoney = typeIds.some((id) => MONEY.includes(id));
  const wanted = Object.entries({ ...FIXED, ...(hasMoney && { lc_monetary: 'C' }) });
  const names = wanted.map(([name]) => name);
  const { rows } = await client.query<{ name: string; own: string }>(
    'select name, current_setting(name) as own from unnest($1::text[]) as name',
    [names],
  );
  const different = rows.filter(({ name, own }) => !isAlike(own, FIXED[name] ?? 'C'));
  if (different.length === 0) return `select ${columns} from ${relation} v`;
  const set = (name: string, value: string) =>
    `set_config(${pg.escapeLiteral(name)}, ${pg.escapeLiteral(value)}, true) is not null`;
  const fixed = different.map(({ name }) => set(name, FIXED[name] ?? 'C'));
  const own = different.map((setting) => set(setting.name, setting.own));
  return `select * from (
    select ${columns} from (select * from ${relation} offset 0) v where ${fixed.join(' and ')} offset 0
  ) texts where ${own.join(' and ')}`;
}

/** The order of day and month matters to what is read, not to what is written. */
const isAlike = (own: string, wanted: string): boolean =>
  own === wanted || (own.startsWith('ISO') && wanted.startsWith('ISO'));

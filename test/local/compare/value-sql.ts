import pg from 'pg';
import type { Value } from './comparable.ts';
import type { TargetColumn } from './read-target.ts';

/** A column of the view: `typeId` is that of its type, or of the type below a domain. */
interface Column {
  name: string;
  typeId: number;
  target: TargetColumn | undefined;
}

/** Whose text for output is `t`. */
const BOOL: number = 16;

/** SQL for a value's text, by the target's type, where PostgreSQL's own text for output will not do. */
const TEXT_OF: Record<string, (value: string) => string> = {
  // The target holds a float4 as the float8 of the same value, whose text differs.
  FLOAT: (value) => `${value}::float8::text`,
  // Also what is no JSON in the view, such as a composite.
  JSON: (value) => `to_json(${value})::text`,
  // To the microsecond, and not in the order of DateStyle.
  DATE: (value) => `to_json(${value}) #>> '{}'`,
};

/** The text for output. A cast to text would strip the spaces of a char(n) and add the netmask to an inet. */
const outputOf = (value: string): string =>
  `case when ${value} is distinct from null then concat(${value}) end`;

/** SQL for the text of a value of the view `v`; for a REPEATED column, JSON with the texts of the elements (`parseValue`). */
export function valueSql({ name, typeId, target }: Column): string {
  const { type = 'STRING', isRepeated = false } = target ?? {};
  const textOf = TEXT_OF[type] ?? (typeId === BOOL ? (value: string) => `${value}::text` : outputOf);
  const value = `v.${pg.escapeIdentifier(name)}`;
  if (!isRepeated) return textOf(value);
  const elements = `array(select ${textOf('e')} from unnest(${value}) with ordinality as a (e, i) order by i)`;
  return `case when array_ndims(${value}) > 1 then to_json(${value}::text)::text
    when ${value} is not null then to_json(${elements})::text end`;
}

/** The value from its text. An array of more than one dimension is one text. */
export const parseValue = (text: string | null, isRepeated: boolean): Value =>
  isRepeated && text !== null ? (JSON.parse(text) as string | (string | null)[]) : text;

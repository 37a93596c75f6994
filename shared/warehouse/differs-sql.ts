import type { Column } from '../model/columns.ts';

/**
 * GoogleSQL that tells whether two values of a column differ: never NULL, and true only where a reader could see a difference. NULL equals
 * NULL and NaN equals NaN, but -0.0 is not 0.0. JSON is compared by its canonical text, arrays by the texts of their elements.
 *
 * It contains no subquery, since the clauses of a MERGE accept no correlated ones:
 * https://cloud.google.com/bigquery/docs/data-manipulation-language#limitations
 */
export function differsSql(
  { type, mode }: Pick<Column, 'type' | 'mode'>,
  left: string,
  right: string,
): string {
  // An array that was loaded as NULL is an empty one.
  if (mode === 'REPEATED') return `to_json_string(${left}) != to_json_string(${right})`;
  switch (type) {
    case 'FLOAT64':
      // https://cloud.google.com/bigquery/docs/reference/standard-sql/mathematical_functions#ieee_divide tells the two zeros apart.
      return `(${left} is distinct from ${right} or ieee_divide(1, ${left}) is distinct from ieee_divide(1, ${right}))`;
    case 'JSON':
      // The text of SQL's NULL is that of JSON's null.
      return `((${left} is null) != (${right} is null) or to_json_string(${left}) != to_json_string(${right}))`;
    default:
      return `${left} is distinct from ${right}`;
  }
}

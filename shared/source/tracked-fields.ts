/** A name that a Django field can have. */
const FIELD = /^[A-Za-z_]\w*$/;

/** The field that `inspectdb` makes of a column (`cust_nm` of `CUST-NM`). */
const inspected = (column: string): string => column.toLowerCase().replace(/\W/g, '_');

/**
 * The columns of a table that belong to a Django field of this name, as far as the names tell: the column itself, the column of a foreign
 * key (`region_id` of `region`), and the column from which `inspectdb` makes the field.
 */
export function fieldColumns(field: string, columns: string[]): string[] {
  return columns.filter((column) =>
    [column, inspected(column)].some((name) => name === field || name === `${field}_id`),
  );
}

/** The names under which a log may list these columns, as far as the names tell. */
export function fieldNames(columns: string[]): string[] {
  const names = columns.flatMap((column) => [column, inspected(column)]);
  return [...new Set(names.flatMap((name) => [name, name.replace(/_id$/, '')]))];
}

/** Whether a tracked column may be meant as a field: any column can belong to a field (`db_column`), but a field's name is an identifier. */
export const isFieldName = (name: string): boolean => FIELD.test(name);

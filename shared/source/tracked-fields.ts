/** A name that a Django field can have. */
const FIELD = /^[A-Za-z_]\w*$/;

/**
 * The columns of a table that belong to a Django field of this name, as far as the names tell: the column itself, the column of a foreign
 * key (`region_id` of `region`), and the column from which `inspectdb` makes the field (`CUST-NM` of `cust_nm`).
 */
export function fieldColumns(field: string, columns: string[]): string[] {
  const inspected = (column: string) => column.toLowerCase().replace(/\W/g, '_');
  return columns.filter((column) =>
    [column, inspected(column)].some((name) => name === field || name === `${field}_id`),
  );
}

/** Whether a tracked column may be meant as a field: any column can belong to a field (`db_column`), but a field's name is an identifier. */
export const isFieldName = (name: string): boolean => FIELD.test(name);

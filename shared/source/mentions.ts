import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { SourceView } from './describe-view.ts';
import type { LoggedTable } from './logged-tables.ts';
import type { LookupReference } from './lookup-reference.ts';
import { fieldNames } from './tracked-fields.ts';

/** The parts of the statement of a capture (`collapseStatement`) that belong to one table whose log rows affect the view. */
export class Mentions {
  readonly #view: SourceView;
  readonly #table: LoggedTable;
  readonly #ofTable: string;
  readonly #touches: string;
  readonly #nulls: string;
  readonly #maxNullRows: number;

  constructor(view: SourceView, table: LoggedTable, index: number, maxNullRows: number) {
    this.#maxNullRows = maxNullRows;
    this.#view = view;
    this.#table = table;
    this.#ofTable = `in (${table.contentTypeIds.join(', ')})`;
    this.#touches = table.skipsUntracked ? `touches_${index}` : 'true';
    this.#nulls = `nulls_${index}`;
  }

  /** SQL for a column of the log rows that tells whether a log row of the table touches a tracked column; none if that does not matter. */
  touched(): string[] {
    if (!this.#table.skipsUntracked) return [];
    return [
      `case when content_type_id ${this.#ofTable} then ${touches(this.#table)} end as ${this.#touches}`,
    ];
  }

  /**
   * SQL for a branch of the column `renamed`: the other keys of a log row whose key was changed. It has the old key or the new one as its
   * object id, and lists both: under the name of the column, or under that of the field, which is a name that belongs to no other column.
   */
  renamed(): string[] {
    const { columns, keyType, primaryKey } = this.#table;
    if (primaryKey === null) return [];
    const others = fieldNames(columns.filter((column) => column !== primaryKey));
    return [
      `when content_type_id ${this.#ofTable} and action = 'changed' then
             array_remove(array_remove(case when ${listed(primaryKey)} is not null
               then array[${listed(primaryKey, 'old')}, ${listed(primaryKey, 'new')}]
               when jsonb_typeof(changed_data) = 'object' then (
                 select array_agg(named) from jsonb_each(changed_data) field (name, entry), unnest(array[entry ->> 'old', entry ->> 'new']) named
                 where field.name <> all (${textArray(others)}) and object_id in (entry ->> 'old', entry ->> 'new')
                   and ${keyType.fromText('named')} is not null)
             end, object_id), null)`,
    ];
  }

  /** SQL for the rows of the main table whose foreign key is NULL, if a row of the lookup was deleted; one more than are named. */
  nullRows(): string {
    const column = this.#nullableColumn;
    if (column === null) return '';
    return `${this.#nulls} as materialized (
  select ${this.#mainKey} as key from ${this.#view.mainTable} m
  where m.${quoteIdentifier(column)} is null
    and exists (select from deleted_type where content_type ${this.#ofTable})
  limit ${this.#maxNullRows}::int8 + 1
), `;
  }

  /**
   * SQL for the keys that the log rows of the table name, as (key, may_change_view, is_added, is_logged). The key is NULL if an object
   * id is not a value of the key's type.
   */
  mentions(): string[] {
    const { keyType, primaryKey, reference } = this.#table;
    const named = `from covered where content_type ${this.#ofTable}`;
    const renamed = `from renamed where content_type ${this.#ofTable}`;
    const object = keyType.fromText('object_id');
    if (reference === null) {
      return [
        `select ${object} as key, ${this.#touches} as may_change_view, action = 'added' as is_added, true as is_logged
  ${named}`,
        ...(primaryKey === null ? [] : [`select ${object}, true, false, true ${renamed}`]),
      ];
    }
    return [
      `select ${this.#mainKey}, true, false, true
  from (select ${object} as id ${named} and ${this.#touches}${primaryKey === null ? ' group by 1' : ` union select ${object} ${renamed}`}) l
  ${joinToMain(this.#view, reference)}`,
      ...(this.#nullableColumn === null
        ? []
        : [
            `select key, true, false, true from ${this.#nulls} where (select count(*) from ${this.#nulls}) <= ${this.#maxNullRows}`,
          ]),
    ];
  }

  /** SQL for the foreign key column if too many rows have NULL there to be named; otherwise NULL. */
  unnamedNulls(): string[] {
    const column = this.#nullableColumn;
    if (column === null) return [];
    return [
      `case when (select count(*) from ${this.#nulls}) > ${this.#maxNullRows} then ${quoteLiteral(column)} end`,
    ];
  }

  get #nullableColumn(): string | null {
    const { reference } = this.#table;
    return reference?.isNullable === true ? reference.foreignKey : null;
  }

  get #mainKey(): string {
    return `m.${quoteIdentifier(this.#view.primaryKey)}::${this.#view.keyType.sqlType}`;
  }
}

/**
 * SQL that tells whether a log row touches a tracked column: unless it is a `changed` row whose data is readable and lists only other
 * columns of the table. A name that is no column may be the field of any column.
 */
export function touches({ trackedColumns, columns }: LoggedTable): string {
  return `case when action <> 'changed' or changed_data is null or jsonb_typeof(changed_data) <> 'object' then true
             else changed_data ?| ${textArray(trackedColumns)} or changed_data - ${textArray(columns)} <> '{}' end`;
}

/** SQL that joins the rows `m` of the main table that point at the rows of a lookup with the primary keys `l.id`. */
export function joinToMain(view: SourceView, { foreignKey, through }: LookupReference): string {
  const main = `join ${view.mainTable} m on m.${quoteIdentifier(foreignKey)} =`;
  return through === null
    ? `${main} l.id`
    : `join ${through.table} t on t.${quoteIdentifier(through.primaryKey)} = l.id
  ${main} t.${quoteIdentifier(through.column)}`;
}

/** SQL for what a log row lists of a column, or for its old or new value as text. */
function listed(column: string, value?: 'old' | 'new'): string {
  const entry = `changed_data -> ${quoteLiteral(column)}`;
  return value === undefined ? entry : `${entry} ->> '${value}'`;
}

const textArray = (texts: string[]): string => `array[${texts.map(quoteLiteral).join(', ')}]::text[]`;

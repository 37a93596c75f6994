import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { SourceView } from './describe-view.ts';
import type { LoggedTable } from './logged-tables.ts';
import type { LookupReference } from './lookup-reference.ts';

/** The parts of the statement of a capture (`collapseStatement`) that belong to one table whose log rows affect the view. */
export class Mentions {
  readonly #view: SourceView;
  readonly #table: LoggedTable;
  readonly #ofTable: string;
  readonly #touches: string;
  readonly #renamed: string;
  readonly #nulls: string;
  readonly #maxNullRows: number;

  constructor(view: SourceView, table: LoggedTable, index: number, maxNullRows: number) {
    this.#maxNullRows = maxNullRows;
    this.#view = view;
    this.#table = table;
    this.#ofTable = `in (${table.contentTypeIds.join(', ')})`;
    this.#touches = table.skipsUntracked ? `touches_${index}` : 'true';
    this.#renamed = `renamed_${index}`;
    this.#nulls = `nulls_${index}`;
  }

  /** SQL for the columns that the reading of the log computes for this table. They look at `changed_data` only in its log rows. */
  logColumns(): string[] {
    const { primaryKey, skipsUntracked } = this.#table;
    return [
      ...(skipsUntracked
        ? [`case when content_type_id ${this.#ofTable} then ${touches(this.#table)} end as ${this.#touches}`]
        : []),
      // A key that was changed: the log row has the old value or the new one as its object id, and lists both.
      ...(primaryKey === null
        ? []
        : [
            `case when content_type_id ${this.#ofTable} and action = 'changed' and ${listed(primaryKey)} is not null
             then array_remove(array_remove(array[${listed(primaryKey, 'old')}, ${listed(primaryKey, 'new')}], object_id), null) end as ${this.#renamed}`,
          ]),
    ];
  }

  /** SQL for the rows of the main table whose foreign key is NULL, if a row of the lookup was deleted; one more than are named. */
  nullRows(): string {
    const column = this.#nullableColumn;
    if (column === null) return '';
    return `${this.#nulls} as materialized (
  select ${this.#mainKey} as key from ${this.#view.mainTable} m
  where m.${quoteIdentifier(column)} is null
    and exists (select from covered where content_type ${this.#ofTable} and action = 'deleted')
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
    const renamed = `from covered cross join lateral unnest(${this.#renamed}) r where content_type ${this.#ofTable}`;
    const object = keyType.fromText('object_id');
    const other = keyType.fromText('r');
    if (reference === null) {
      return [
        `select ${object} as key, ${this.#touches} as may_change_view, action = 'added' as is_added, true as is_logged
  ${named}`,
        ...(primaryKey === null ? [] : [`select ${other}, true, false, true ${renamed}`]),
      ];
    }
    return [
      `select ${this.#mainKey}, true, false, true
  from (select ${object} as id ${named} and ${this.#touches}${primaryKey === null ? ' group by 1' : ` union select ${other} ${renamed}`}) l
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
function touches({ trackedColumns, columns }: LoggedTable): string {
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

import type pg from 'pg';

/** The content types of source.sql. */
const CONTENT_TYPES = { app_project: 7, app_company: 8, app_site: 9, app_incident: 18 } as const;

export type Table = keyof typeof CONTENT_TYPES;

/** The application of source.sql. It writes as Django does: first the data, then the log row in a second transaction. */
export class SampleSource {
  readonly database: pg.Pool;

  constructor(database: pg.Pool) {
    this.database = database;
  }

  async add(table: Table, ...rows: ({ id: number } & Record<string, unknown>)[]): Promise<void> {
    for (const row of rows) {
      const columns = Object.keys(row);
      await this.database.query(
        `insert into ${table} (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
        Object.values(row),
      );
      await this.log(table, row.id, 'added');
    }
  }

  async change(table: Table, id: number, fields: Record<string, unknown>): Promise<void> {
    const columns = Object.keys(fields);
    await this.database.query(
      `update ${table} set ${columns.map((column, i) => `${column} = $${i + 2}`).join(', ')} where id = $1`,
      [id, ...Object.values(fields)],
    );
    const changed = Object.fromEntries(columns.map((column) => [column, { old: null, new: null }]));
    await this.log(table, id, 'changed', changed);
  }

  async delete(table: Table, id: number): Promise<void> {
    await this.database.query(`delete from ${table} where id = $1`, [id]);
    await this.log(table, id, 'deleted');
  }

  /** Inserts only a log row, whatever the data contain. */
  async log(
    table: Table,
    objectId: number | string,
    action: 'added' | 'changed' | 'deleted',
    changedData: object | null = null,
  ): Promise<void> {
    await this.database.query(
      `insert into models_logging_change (object_id, content_type_id, action, changed_data) values ($1, $2, $3, $4)`,
      [
        String(objectId),
        CONTENT_TYPES[table],
        action,
        changedData === null ? null : JSON.stringify(changedData),
      ],
    );
  }
}

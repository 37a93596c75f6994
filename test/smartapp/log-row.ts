import type { ClientBase } from 'pg';
import type { ModelName, Row, Value } from './model.ts';
import { MODELS } from './models.ts';

export type Action = 'added' | 'changed' | 'deleted';

/** `{"field": {"old": …, "new": …}}`; a deleted object's fields have only `old`. */
export type ChangedData = Record<string, { old?: Value; new?: Value }>;

/** One row of models_logging_change, without the columns that django-models-logging leaves empty. */
export interface LogRow {
  model: ModelName;
  /** Stored as text; may be anything, because the log does not check it. */
  objectId: string | number;
  action: Action;
  /** Default: nothing. */
  changedData?: ChangedData;
  /** Default: now. ISO 8601, microseconds allowed. */
  dateCreated?: string;
}

/**
 * Inserts log rows with one statement, as the bulk insert of django-models-logging does. Their ids ascend in the given order.
 * The caller owns the transaction.
 */
export async function insertLogRows(client: ClientBase, logRows: readonly LogRow[]): Promise<number[]> {
  const values = logRows.map(
    ({ model, objectId, action, changedData = {}, dateCreated = new Date().toISOString() }) => ({
      date_created: dateCreated,
      object_id: String(objectId),
      content_type_id: MODELS[model].contentTypeId,
      changed_data: changedData,
      object_repr: `${MODELS[model].className} object (${objectId})`,
      action,
    }),
  );
  const { rows } = await client.query<{ id: number }>({
    name: 'insert log rows',
    text: `
      insert into models_logging_change
        (date_created, user_id, object_id, content_type_id, changed_data, object_repr, revision_id, action, extras)
      select date_created, null, object_id, content_type_id, changed_data, object_repr, null, action, '{}'
      from jsonb_to_recordset($1) as log_row
        (date_created timestamptz, object_id text, content_type_id integer, changed_data jsonb, object_repr text, action text)
      returning id`,
    values: [JSON.stringify(values)],
  });
  return rows.map(({ id }) => id);
}

/** Writes one log row by hand and returns its id. */
export async function logRow(client: ClientBase, row: LogRow): Promise<number> {
  const [id] = await insertLogRows(client, [row]);
  if (id === undefined) throw new Error('the log row has no id');
  return id;
}

/** `changed_data` of a new row: the columns that are not NULL, because django-models-logging compares with an empty object. */
export function addedData(row: Row): ChangedData {
  return Object.fromEntries(
    Object.entries(row).flatMap(([column, value]) =>
      value === null ? [] : [[column, { old: null, new: value }]],
    ),
  );
}

/** `changed_data` of a saved row: the columns that changed. */
export function changedData(before: Row, after: Row): ChangedData {
  return Object.fromEntries(
    Object.entries(after).flatMap(([column, value]) => {
      const old = before[column] ?? null;
      return JSON.stringify(old) === JSON.stringify(value) ? [] : [[column, { old, new: value }]];
    }),
  );
}

/** `changed_data` of a deleted row: all columns. */
export function deletedData(row: Row): ChangedData {
  return Object.fromEntries(Object.entries(row).map(([column, old]) => [column, { old }]));
}

import { dateText, datetimeText, timeText } from '../../../../shared/model/calendar-text.ts';
import type { Column } from '../../../../shared/model/columns.ts';
import { avroRecords } from '../../../../shared/staging/format/avro-records.ts';
import type { Manifest, StagedObject } from '../../../../shared/staging/staging.ts';
import { messageOf } from '../../../../shared/warehouse/stream-message.ts';
import type { Installation } from '../../../support/installation.ts';

/** The columns that rows have besides those of the view. */
const ADDED: Column[] = [
  { name: 'action', type: 'STRING', mode: 'NULLABLE' },
  { name: 'update_at', type: 'TIMESTAMP', mode: 'NULLABLE' },
  { name: 'etl_transaction_id', type: 'INT64', mode: 'NULLABLE' },
];

/** The rows of a staged object as the lines that release 0.2.0 staged. */
export async function linesOf(on: Installation, manifest: Manifest, object: StagedObject): Promise<string[]> {
  const columns = [...manifest.columns, ...ADDED];
  const action = object.name.includes('/deletes-') ? 'deleted' : 'added';
  return (await rowsOf(on, manifest, object)).map((row) => {
    const values = columns.flatMap(({ name, type }) => {
      const value = row[name];
      return value === undefined ? [] : [[name, jsonOf(type, value, manifest.format === 'avro')]];
    });
    const line = Object.fromEntries(values);
    if (manifest.format !== 'protobuf') return JSON.stringify(line);
    const { update_at: _, ...rest } = line;
    return JSON.stringify({
      ...absent(manifest, action),
      ...rest,
      action,
      etl_transaction_id: Number(manifest.etl_transaction_id),
    });
  });
}

/** A NULL is an absent field of a message, and a line of an upsert has all columns. */
const absent = ({ columns }: Manifest, action: string): object =>
  action === 'deleted'
    ? {}
    : Object.fromEntries(columns.map(({ name, mode }) => [name, mode === 'REPEATED' ? [] : null]));

async function rowsOf(
  { bucket, dependencies }: Installation,
  { format, descriptor }: Manifest,
  object: StagedObject,
): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  if (format === 'avro') {
    for await (const record of avroRecords(bucket.file(object.name).createReadStream()))
      rows.push({ ...record });
  } else {
    if (descriptor === null) throw new Error('the manifest has no descriptor');
    const { type } = messageOf(descriptor);
    for await (const { messages } of dependencies.staging.readMessages(
      object,
      new AbortController().signal,
    )) {
      rows.push(...messages.map((message) => type.toObject(type.decode(message), { longs: String })));
    }
  }
  return rows;
}

function jsonOf(type: Column['type'], value: unknown, isAvro: boolean): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((each) => jsonOf(type, each, isAvro));
  switch (type) {
    case 'INT64':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case 'DATE':
      return dateText(Number(value));
    case 'TIMESTAMP':
      return `${datetimeText(BigInt(String(value)))}+00:00`;
    case 'DATETIME':
      return isAvro ? datetimeText(BigInt(String(value))) : value;
    case 'TIME':
      return isAvro ? timeText(Number(value)) : value;
    case 'STRING':
    case 'BOOL':
    case 'FLOAT64':
      return value;
    default:
      throw new Error(`lines of release 0.2.0 with ${type} are not needed yet`);
  }
}

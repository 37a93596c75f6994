import type { StreamingWindow } from '../model/row-text.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { STREAMED_FROM, STREAMED_TO, type StreamedWindow } from './datetime-form.ts';

const iso = (time: string) => `to_char((${time}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/**
 * Reads the window at the start of this transaction within which a streamed view's partition column arrives as it is. Returns null if all its
 * values do, or stop the batch.
 */
export async function readStreamingWindow(
  client: Queryable,
  { loadType, partition, unrepresentable }: ViewSource,
): Promise<StreamingWindow | null> {
  if (loadType !== 'bq-storage-api' || partition === null) return null;
  const { column } = partition;
  if (!Object.hasOwn(unrepresentable, column) || unrepresentable[column] !== 'null') return null;
  const { rows } = await client.query(`select ${iso(STREAMED_FROM)} as from, ${iso(STREAMED_TO)} as to`);
  return { column, ...(rows[0] as { from: string; to: string }) };
}

const micros = (time: string) => `(extract(epoch from ${time}) * 1000000)::int8`;

/** Reads within which time the values of the partition column must lie so that they can be streamed; null for a view that has none or is not streamed. */
export async function readStreamedWindow(
  client: Queryable,
  { loadType, partition }: ViewSource,
): Promise<StreamedWindow | null> {
  if (loadType !== 'bq-storage-api' || partition === null) return null;
  const { rows } = await client.query(
    `select ${micros(STREAMED_FROM)} as from, ${micros(STREAMED_TO)} as to`,
  );
  const { from, to } = rows[0] as { from: bigint; to: bigint };
  return { fromMicros: Number(from), toMicros: Number(to) };
}

import type { ConsistencyCheck } from '../../shared/model/consistency.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { ExplainedRow } from './explain.ts';
import type { Values } from './look-at-keys.ts';

/**
 * Writes the rows that differ, with the values of both sides and with why they differ, to Cloud Storage, and returns the object's name. Only here are values: the control
 * database and the log get keys and names of columns.
 */
export async function writeReport(
  { id, view }: ConsistencyCheck,
  rows: readonly ExplainedRow[],
  { clock, staging }: Dependencies,
): Promise<string> {
  // A look that is repeated may find other rows, and reconcile may not replace an object.
  const name = `reports/${view}/${new Date(clock.nowMs()).toISOString()}-${id}.ndjson.gz`;
  await staging.writeReport(
    name,
    rows.map(({ key, kind, columns, source, target, why }) => ({
      key,
      kind,
      class: why.class,
      columns,
      logRows: why.logRows.map(String),
      etlTransactionId: why.etlTransactionId === null ? null : String(why.etlTransactionId),
      source: parsed(source),
      target: parsed(target),
    })),
  );
  return name;
}

function parsed(values: Values | null): object | null {
  if (values === null) return null;
  const entries = Object.entries(values);
  return Object.fromEntries(entries.map(([name, json]) => [name, json === null ? null : exactly(json)]));
}

/** Numbers keep all their digits. */
const exactly = (json: string): unknown =>
  JSON.parse(json, (_key, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' && source !== undefined ? JSON.rawJSON(source) : value,
  );

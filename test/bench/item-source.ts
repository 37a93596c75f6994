import pg from 'pg';
import { createSmartApp } from '../smartapp/create-smartapp.ts';
import { type BenchStack, READER_PASSWORD } from './bench-stack.ts';
import type { Sample } from './compare-cases.ts';
import type { ExtractRound } from './extract-round.ts';
import { ITEM_VIEW, itemScale, keepFirstItems } from './items.ts';
import { PROFILE_VARIABLE } from './measure.ts';

export type ExtractSample = ExtractRound & Sample;

/** Creates SMartApp in the source of a stack, with so many rows in its largest view. Returns how many rows its change log has. */
export async function createItems({ sourceUrl }: BenchStack, rows: number): Promise<number> {
  await createSmartApp(sourceUrl, { scale: itemScale(rows), readerPassword: READER_PASSWORD });
  const source = new pg.Client(sourceUrl);
  await source.connect();
  await keepFirstItems(source, rows);
  const { rows: counted } = await source.query('select count(*)::int4 as log from models_logging_change');
  // Otherwise PostgreSQL would do both by itself, beside the first rounds.
  await source.query('vacuum analyze');
  await source.query('checkpoint');
  await source.end();
  return counted[0].log;
}

/**
 * Extracts the whole view in a process of its own, into a project of its own: its jobs and objects have the same names as those of other
 * rounds. The time is the function's own; the time it waits for the tables of the BigQuery emulator is reported separately, and nothing is loaded. Throws if rows are missing.
 */
export async function extractItems(
  stack: BenchStack,
  rows: number,
  round: { name: string; settings?: Record<string, string>; profile?: boolean },
): Promise<ExtractSample> {
  const database = `control_${round.name}`.replaceAll('-', '_');
  const env = await stack.makeProject(`bench-${round.name}`, database);
  await stack.postgres.createDatabase(database);
  const result = await stack.runRound<ExtractRound>(
    'extract-round',
    [ITEM_VIEW, String(stack.postgres.pid)],
    {
      ...env,
      ...round.settings,
      [PROFILE_VARIABLE]: round.profile ? '1' : '0',
    },
  );
  if (result.rows !== rows) throw new Error(`${result.rows} rows were staged instead of ${rows}`);
  return { ...result, seconds: result.seconds - result.warehouseSeconds };
}

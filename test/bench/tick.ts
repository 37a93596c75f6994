import pg from 'pg';
import { createSmartApp, READER_ROLE } from '../smartapp/create-smartapp.ts';
import { type Bench, benchResult, median } from './bench.ts';
import { type BenchStack, READER_PASSWORD, startBenchStack } from './bench-stack.ts';
import { ITEM_VIEW, itemScale, keepFirstItems } from './items.ts';
import type { TickRound } from './tick-round.ts';

/** The most rows of the view's table, and of the log, in the baseline. */
const FEW = 10_000;
/** One in this many log ids is a hole, because its transaction was rolled back. */
const HOLE_INTERVAL = 100;

/** An installation with a source, a control database and a project of its own. */
type Case = { name: string; sourceUrl: string; env: Record<string, string | undefined> };

/**
 * The time from the event to the applied batch of 100 changed rows of SMartApp's largest view, by extract and merge in one warm process, for N rows in the view's
 * table and for N rows in the log; the baseline has 10,000 of both. The rates count the function's own work; the time it waits for the BigQuery emulator, which is its own
 * and not BigQuery's, is reported separately. Each round is a process for each case, in turn, and counts the median of its ticks.
 */
export const tickBench: Bench = {
  maxRows: 50_000_000,
  rows: 1_000_000,
  async run({ rows, rounds, report }) {
    await using stack = await startBenchStack();
    const cases: Case[] = [];
    const few = Math.min(FEW, rows);
    for (const [name, sizes] of Object.entries({
      baseline: { items: few, logRows: few },
      rows: { items: rows, logRows: few },
      log: { items: few, logRows: rows },
    })) {
      report(`${name}: creating ${sizes.items} rows and ${sizes.logRows} log rows, and loading them`);
      cases.push(await makeCase(stack, name, sizes));
    }
    const results: Record<string, TickRound[]> = { baseline: [], rows: [], log: [] };
    for (let round = 1; round <= rounds; round += 1) {
      for (const { name, sourceUrl, env } of cases) {
        results[name]?.push(await stack.runRound<TickRound>('tick-round', [ITEM_VIEW, sourceUrl], env));
      }
      const times = cases.map(({ name }) => `${name} ${describe(results[name]?.at(-1))}`);
      report(`round ${round}: ${times.join('; ')}`);
    }
    const { baseline = [], rows: manyRows = [], log = [] } = results;
    const result = compared(manyRows, baseline);
    return { ...result, rows, log: compared(log, baseline) };
  },
};

async function makeCase(
  stack: BenchStack,
  name: string,
  { items, logRows }: { items: number; logRows: number },
): Promise<Case> {
  const [source, control] = [`source_${name}`, `control_${name}`];
  await stack.postgres.createDatabase(source);
  await stack.postgres.createDatabase(control);
  const sourceUrl = stack.postgres.url(source);
  await createSmartApp(sourceUrl, { scale: itemScale(FEW), readerPassword: READER_PASSWORD });
  const client = new pg.Client(sourceUrl);
  await client.connect();
  const pattern = Math.min(FEW, items);
  await keepFirstItems(client, pattern);
  await addItems(client, pattern, items - pattern);
  await fillLog(client, logRows);
  await client.end();
  const env = {
    ...(await stack.makeProject(`bench-tick-${name}`, control)),
    SOURCE_DATABASE_URL: stack.postgres.url(source, READER_ROLE, READER_PASSWORD),
  };
  const loaded = await stack.runRound<{ rows: number }>('load-item-target', [ITEM_VIEW], env);
  if (loaded.rows !== items) throw new Error(`${loaded.rows} rows were loaded instead of ${items}`);
  return { name, sourceUrl, env };
}

/** Adds copies of the first rows, which are so many. */
async function addItems(client: pg.Client, pattern: number, rows: number): Promise<void> {
  if (rows === 0) return;
  const { rows: columns } = await client.query(
    `select string_agg(quote_ident(column_name), ', ') as names from information_schema.columns
     where table_name = 'app_pm_inventory' and column_name <> 'id'`,
  );
  const { names } = columns[0];
  // Checking the foreign keys of millions of rows would take longer than the bench.
  await client.query('set session_replication_role = replica');
  await client.query(
    `insert into app_pm_inventory (id, ${names})
     select ${pattern} + n, ${names} from generate_series(1, $1::int8) n join (
       select row_number() over (order by id) - 1 as place, * from app_pm_inventory where id <= ${pattern}
     ) pattern on place = n % ${pattern}`,
    [rows],
  );
  await client.query('set session_replication_role = origin');
  await client.query('vacuum analyze app_pm_inventory');
}

/** Replaces the log by changes of incidents and items. */
async function fillLog(client: pg.Client, rows: number): Promise<void> {
  await client.query('truncate models_logging_change restart identity');
  await client.query(
    `insert into models_logging_change (id, date_created, object_id, content_type_id, changed_data, object_repr, action, extras)
     select n + n / ${HOLE_INTERVAL}, now() - interval '1 hour', (1 + n % ${FEW})::text,
       case when n % 5 = 0 then item.id else incident.id end, '{}', '', 'changed', '{}'
     from generate_series(1, $1::int8) n,
       (select id from django_content_type where model = 'pm_inventory') item,
       (select id from django_content_type where model = 'incident') incident`,
    [rows],
  );
  await client.query(
    `select setval(pg_get_serial_sequence('models_logging_change', 'id'), (select max(id) from models_logging_change))`,
  );
  await client.query('vacuum analyze models_logging_change');
}

const ownSeconds = ({ seconds, warehouseSeconds }: TickRound): number => seconds - warehouseSeconds;

const describe = (round: TickRound | undefined): string =>
  round === undefined
    ? ''
    : `${(ownSeconds(round) * 1000).toFixed(0)} ms (plus ${(round.warehouseSeconds * 1000).toFixed(0)} ms waiting for BigQuery, ` +
      `CPU ${(round.cpuSeconds * 1000).toFixed(0)} ms, peak ${round.peakRssMb.toFixed(0)} MB)`;

/** Of a case to the baseline. The spread is that of the rounds: from the lowest to the highest, divided by the median. */
function compared(rounds: TickRound[], baseline: TickRound[]): object {
  const own = rounds.map(ownSeconds);
  const milliseconds = (values: number[]) => Number((median(values) * 1000).toFixed(1));
  const spread = (values: number[]) =>
    Number(((Math.max(...values) - Math.min(...values)) / median(values)).toFixed(2));
  const result = benchResult({
    rows: rounds[0]?.changes ?? 0,
    seconds: own,
    baselineSeconds: baseline.map(ownSeconds),
    peakRssMb: rounds.map(({ peakRssMb }) => peakRssMb),
  });
  return {
    ...result,
    changed_rows: result.rows,
    tick_ms: milliseconds(own),
    baseline_tick_ms: milliseconds(baseline.map(ownSeconds)),
    spread: spread(own),
    baseline_spread: spread(baseline.map(ownSeconds)),
    with_emulator_ms: milliseconds(rounds.map(({ seconds }) => seconds)),
    baseline_with_emulator_ms: milliseconds(baseline.map(({ seconds }) => seconds)),
    cpu_ms: milliseconds(rounds.map(({ cpuSeconds }) => cpuSeconds)),
  };
}

// Extracts and merges a few changed rows again and again, in one process.
import pg from 'pg';
import { extractView } from '../../functions/extract/extract-view.ts';
import { applyBatch } from '../../shared/batch/apply-batch.ts';
import { MERGE } from '../support/appliers.ts';
import { median } from './bench.ts';
import { benchDependencies } from './bench-dependencies.ts';
import { measure } from './measure.ts';
import { sendResult } from './run-round.ts';
import { Stopwatch } from './stopwatch.ts';

/** Of the median tick. `warehouseSeconds` is the part of `seconds` spent waiting for BigQuery. */
export type TickRound = {
  changes: number;
  seconds: number;
  warehouseSeconds: number;
  cpuSeconds: number;
  peakRssMb: number;
};

const CHANGES = 100;
/** The first of a process open connections, and move the floor of the checkpoint above all old log rows. */
const WARM_UPS = 4;
const TICKS = 9;

const [view = '', sourceUrl = ''] = process.argv.slice(2);
const source = new pg.Client(sourceUrl);
const control = new pg.Client(process.env.CONTROL_DATABASE_URL);
await Promise.all([source.connect(), control.connect()]);
const dependencies = await benchDependencies();
const { warehouse } = dependencies;
const waiting = new Stopwatch();
const timed: typeof dependencies = {
  ...dependencies,
  warehouse: {
    ...warehouse,
    compareTables: waiting.around(warehouse.compareTables),
    findTarget: waiting.around(warehouse.findTarget),
    load: waiting.around(warehouse.load),
    merge: waiting.around(warehouse.merge),
    reportingViewFault: waiting.around(warehouse.reportingViewFault),
    snapshotTarget: waiting.around(warehouse.snapshotTarget),
  },
};

/** Changes rows that are spread over the table, as an application does: the rows and their log rows in one transaction. */
async function change(tick: number): Promise<void> {
  await source.query(
    `with spread as (
       select 1 + (n * (highest / $1) + $2 * 7) % highest as id
       from generate_series(0, $1::int8 - 1) n, (select max(id) as highest from app_pm_inventory) m
     ), changed as (
       update app_pm_inventory i set is_pm = not is_pm from spread where i.id = spread.id returning i.id
     )
     insert into models_logging_change (date_created, object_id, content_type_id, changed_data, object_repr, action, extras)
     select clock_timestamp(), changed.id::text, t.id, '{"is_pm": {"old": null, "new": null}}', '', 'changed', '{}'
     from changed, (select id from django_content_type where model = 'pm_inventory') t`,
    [CHANGES, tick],
  );
}

async function tick(n: number): Promise<Omit<TickRound, 'changes' | 'peakRssMb'>> {
  await change(n);
  const [startedMs, waitedBefore, cpuBefore] = [performance.now(), waiting.seconds, process.cpuUsage()];
  const staged = await extractView(view, 'bench', { functionName: 'extract', event: {} }, timed);
  if (staged.outcome !== 'staged' || staged.upserts !== CHANGES)
    throw new Error(`the extraction ended with ${JSON.stringify(staged)}`);
  const event = { view, etlTransactionId: BigInt(staged.etlTransactionId) };
  const applied = await applyBatch(event, MERGE, { functionName: 'merge', event: {} }, timed);
  if (applied.outcome !== 'applied') throw new Error(`the merge ended with ${JSON.stringify(applied)}`);
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    seconds: (performance.now() - startedMs) / 1000,
    warehouseSeconds: waiting.seconds - waitedBefore,
    cpuSeconds: (user + system) / 1e6,
  };
}

for (let n = 0; n < WARM_UPS; n += 1) {
  await control.query(
    `update etl.checkpoint set horizons = (
       select coalesce(jsonb_agg(jsonb_set(h, '{atMicros}', to_jsonb(((h->>'atMicros')::int8 - 600000000)::text))), '[]')
       from jsonb_array_elements(horizons) as h)`,
  );
  await tick(n);
}
const ticks: Awaited<ReturnType<typeof tick>>[] = [];
const { measured } = await measure(async () => {
  for (let n = 0; n < TICKS; n += 1) ticks.push(await tick(WARM_UPS + n));
});
const of = (part: 'seconds' | 'warehouseSeconds' | 'cpuSeconds') => median(ticks.map((each) => each[part]));
sendResult<TickRound>({
  changes: CHANGES,
  seconds: of('seconds'),
  warehouseSeconds: of('warehouseSeconds'),
  cpuSeconds: of('cpuSeconds'),
  peakRssMb: measured.peakRssMb,
});

import { setTimeout as elapse } from 'node:timers/promises';
import { PubSub } from '@google-cloud/pubsub';
import pg from 'pg';
import { startPubSub } from '../emulators/pubsub/start-pub-sub.ts';
import { callFunction, isFailure } from '../local/functions.ts';
import { READER_ROLE } from '../smartapp/create-smartapp.ts';
import { RunningFunctions } from '../support/running-functions.ts';
import { type Bench, benchResult, median } from './bench.ts';
import { type BenchStack, READER_PASSWORD, startBenchStack } from './bench-stack.ts';
import { createManyViews, entryOf, FEW_VIEWS, MANY_VIEWS, ROWS_PER_VIEW } from './many-views-source.ts';

/** Of each changed view. */
const CHANGES = 2;
const POLL_MS = 10;
const TICK_LIMIT_MS = 600_000;
const FUNCTIONS = ['extract', 'merge'] as const;

// Google's client of Pub/Sub would look for credentials.
process.env.METADATA_SERVER_DETECTION = 'none';

/** An installation whose functions run in their own processes, triggered by Pub/Sub. */
type Running = { views: number; functions: RunningFunctions; control: pg.Client };

/** Seconds until every view was captured, and every batch applied: with changes in all views, and in five. */
type Ticked = { all: number; five: number };

/**
 * One tick of 50 views, from the event until every view was captured and every batch applied. The baseline is a tick of 5 views. Extract and merge each are one process, as in the
 * local stack, and Pub/Sub pushes all messages at once. Each round has two ticks: a few rows change in every view, then in five views.
 */
export const manyViewsBench: Bench = {
  maxRows: 0,
  async run({ rounds, report }) {
    await using resources = new AsyncDisposableStack();
    const stack = resources.use(await startBenchStack());
    const pubsub = resources.adopt(await startPubSub(), (each) => each.close());
    report(`creating ${MANY_VIEWS} views of ${ROWS_PER_VIEW} rows, and loading them`);
    await stack.postgres.createDatabase('source_views');
    const source = new pg.Client(stack.postgres.url('source_views'));
    await source.connect();
    resources.defer(() => source.end());
    await createManyViews(source);
    const cases: Running[] = [];
    for (const views of [FEW_VIEWS, MANY_VIEWS]) {
      const running = await start(stack, pubsub.host, views);
      resources.defer(() => stop(running));
      cases.push(running);
      await tick(running, 'etl.checkpoint');
    }
    const [few, many] = cases as [Running, Running];
    const results: { few: Ticked; many: Ticked }[] = [];
    // The first round opens connections and loads packages.
    for (let round = 0; round <= rounds; round += 1) {
      const measured = { few: await measure(few, source), many: await measure(many, source) };
      const seconds = ({ all, five }: Ticked) => `${all.toFixed(2)} s and ${five.toFixed(2)} s`;
      const label = round === 0 ? 'warm-up' : `round ${round}`;
      report(
        `${label}: all and five views changed: ${MANY_VIEWS} views ${seconds(measured.many)}, ` +
          `${FEW_VIEWS} views ${seconds(measured.few)}`,
      );
      if (round > 0) results.push(measured);
    }
    return resultOf(results);
  },
};

async function start(stack: BenchStack, pubsubHost: string, views: number): Promise<Running> {
  const [projectId, database] = [`bench-views-${views}`, `control_${views}`];
  await stack.postgres.createDatabase(database);
  const env = {
    ...(await stack.makeProject(projectId, database)),
    SOURCE_DATABASE_URL: stack.postgres.url('source_views', READER_ROLE, READER_PASSWORD),
    PUBSUB_EMULATOR_HOST: pubsubHost,
    LOG_LEVEL: 'warn',
  };
  const functions = await RunningFunctions.start(FUNCTIONS, env as Record<string, string>);
  const client = new PubSub({ projectId, apiEndpoint: pubsubHost, emulatorMode: true });
  for (const topic of ['cdc-stream', 'cdc-reconcile', 'cdc-dead-letter']) await client.createTopic(topic);
  for (const name of FUNCTIONS) {
    const [topic] = await client.createTopic(`cdc-${name}`);
    await topic.createSubscription(`cdc-${name}-push`, {
      pushEndpoint: functions.urlOf(name),
      ackDeadlineSeconds: 600,
      retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 10 } },
    });
  }
  await client.close();
  const entries = Array.from({ length: views }, (_, i) => entryOf(i + 1));
  const imported = await callFunction(functions.urlOf('extract'), { import: entries });
  if (isFailure(imported)) throw new Error(JSON.stringify(imported));
  const control = new pg.Client(stack.postgres.url(database));
  await control.connect();
  return { views, functions, control };
}

async function stop({ functions, control }: Running): Promise<void> {
  await functions.stop();
  await control.end();
}

async function measure(running: Running, source: pg.Client): Promise<Ticked> {
  const ticks: number[] = [];
  for (const changed of [running.views, FEW_VIEWS]) {
    for (let n = 1; n <= changed; n += 1) {
      await source.query(
        `with changed as (update item_${n} set name = name || '.' where id <= ${CHANGES} returning id)
         insert into models_logging_change (object_id, content_type_id, action) select id, ${n}, 'changed' from changed`,
      );
    }
    ticks.push(await tick(running, 'etl.view_source'));
  }
  const [all = 0, five = 0] = ticks;
  return { all, five };
}

/** Returns the seconds from the event until each view has a row in the table that is new, and no batch is in flight. */
async function tick(
  { views, functions, control }: Running,
  table: 'etl.checkpoint' | 'etl.view_source',
): Promise<number> {
  const { rows } = await control.query('select clock_timestamp()::text as now');
  const startedMs = performance.now();
  await functions.push('extract', { trigger: 'scheduler' });
  const isNew = table === 'etl.checkpoint' ? 'updated_at' : 'captured_at';
  for (;;) {
    const { rows: found } = await control.query(
      `select (select count(*)::int from ${table} where ${isNew} > $1::timestamptz) as captured,
         (select count(*)::int from etl.etl_transaction where state in ('extracting', 'staged', 'applying')) as "inFlight"`,
      [rows[0].now],
    );
    const { captured, inFlight } = found[0] as { captured: number; inFlight: number };
    if (captured === views && inFlight === 0) return (performance.now() - startedMs) / 1000;
    if (performance.now() - startedMs > TICK_LIMIT_MS)
      throw new Error(`${captured} of ${views} views ticked`);
    await elapse(POLL_MS);
  }
}

function resultOf(results: { few: Ticked; many: Ticked }[]): object {
  const of = (which: 'few' | 'many', part: keyof Ticked) => results.map((each) => each[which][part]);
  const seconds = (values: number[]) => Number(median(values).toFixed(3));
  const spread = (values: number[]) =>
    Number(((Math.max(...values) - Math.min(...values)) / median(values)).toFixed(2));
  const parts = Object.fromEntries(
    (['all', 'five'] as const).map((part) => {
      const [many, few] = [of('many', part), of('few', part)];
      return [
        `${part}_changed`,
        {
          seconds: seconds(many),
          baseline_seconds: seconds(few),
          time_ratio: Number((median(many) / median(few)).toFixed(2)),
          spread: spread(many),
          baseline_spread: spread(few),
        },
      ];
    }),
  );
  // The rates count views, of which few have changes.
  const { peak_rss_mb: _, ...rates } = benchResult({
    rows: MANY_VIEWS,
    seconds: of('many', 'five'),
    baselineSeconds: of('few', 'five').map((each) => (each * MANY_VIEWS) / FEW_VIEWS),
    peakRssMb: [0],
  });
  return { ...rates, ...parts };
}

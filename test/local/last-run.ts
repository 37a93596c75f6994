import { setTimeout as delay } from 'node:timers/promises';
import type { Bucket } from '@google-cloud/storage';
import pg from 'pg';
import { MessageStore } from '../emulators/pubsub/message-store.ts';
import { askFunction } from './functions.ts';
import { formatDuration } from './log-line.ts';

/** What the previous run left behind, for people to read. */
export interface LastRun {
  views: ViewSummary[];
  /** Number of messages by subscription; undefined for an external Pub/Sub, where they cannot be counted. */
  waitingMessages: Map<string, number> | undefined;
  stagedObjects: number;
}

/** The state in which the previous run left a view source. */
export interface ViewSummary {
  name: string;
  enabled: boolean;
  paused: boolean;
  haltedReason: string | null;
  appliedBatches: number;
  /** The highest log id that an applied batch or an idle capture has covered; null before the initial load. */
  coveredId: number | null;
  /** How long ago the view was last captured. */
  capturedMsAgo: number | null;
  /** The batch that was in flight. */
  inFlight: { id: string; state: string } | null;
  /** Log rows of an idle view that are not captured yet. */
  waitingLogRows: number;
}

const POLL_INTERVAL_MS = 200;

/** The number of messages in each subscription of an emulator's folder. Must not be called while the emulator runs. */
export function countWaitingMessages(pubsubFolder: string): Map<string, number> {
  const subscriptions = new MessageStore(pubsubFolder).subscriptions();
  return new Map(
    subscriptions.map(({ config, messages }) => [config.name.split('/').at(-1) ?? '', messages.length]),
  );
}

/** Reads what the previous run left, before this run continues with it. Only reads. */
export async function readLastRun(parts: {
  controlUrl: string;
  /** URL of the function `extract`. */
  extractUrl: string;
  bucket: Bucket;
  waitingMessages: Map<string, number> | undefined;
}): Promise<LastRun> {
  const [objects] = await parts.bucket.getFiles();
  return {
    views: await withControl(parts.controlUrl, (control) => readViews(control, parts.extractUrl)),
    waitingMessages: parts.waitingMessages,
    stagedObjects: objects.length,
  };
}

/** Describes the last run in lines for people, one for each view and each service. */
export function describeLastRun({ views, waitingMessages, stagedObjects }: LastRun): string[] {
  const lines = views.map((view) => [view.name, describeView(view)]);
  if (views.length === 0) lines.push(['views', 'no view source has been imported yet']);
  if (waitingMessages !== undefined) {
    const waiting = [...waitingMessages].filter(([, count]) => count > 0);
    const total = waiting.reduce((sum, [, count]) => sum + count, 0);
    const where = waiting.map(([subscription, count]) => `${subscription} ${number(count)}`).join(', ');
    lines.push(['Pub/Sub', `${counted(total, 'undelivered message')}${where && `: ${where}`}`]);
  }
  lines.push(['Storage', `${counted(stagedObjects, 'staged object')}`]);
  const width = Math.max(...lines.map(([name = '']) => name.length));
  return lines.map(([name = '', text]) => `  ${name.padEnd(width)}  ${text}`);
}

/**
 * Reports the outcome of each batch that was in flight as soon as it is known, and resolves when all are reported. An abort
 * ends it early; so does a control database that stops.
 */
export async function followUp(
  { views }: LastRun,
  { controlUrl, say, signal }: { controlUrl: string; say: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  const unfinished = new Map(
    views.flatMap(({ name, inFlight }) => (inFlight === null ? [] : [[inFlight.id, { name, ...inFlight }]])),
  );
  if (unfinished.size === 0) return;
  await withControl(controlUrl, async (control) => {
    while (unfinished.size > 0) {
      for (const { id, state, error } of await readFinished(control, [...unfinished.keys()])) {
        const before = unfinished.get(id);
        if (before !== undefined)
          say(`Resumed: ${before.name} batch ${id} was ${before.state}, now ${OUTCOMES[state](error)}`);
        unfinished.delete(id);
      }
      await delay(POLL_INTERVAL_MS, undefined, { signal });
    }
  }).catch(() => undefined);
}

type FinalState = 'applied' | 'abandoned' | 'failed';

const OUTCOMES: Record<FinalState, (error: string) => string> = {
  applied: () => 'applied',
  abandoned: () => 'abandoned; the next batch captures its log rows again',
  failed: (error) => `failed: ${error}`,
};

function describeView(view: ViewSummary): string {
  const { enabled, paused, haltedReason, appliedBatches, coveredId, capturedMsAgo, inFlight } = view;
  if (!enabled) return 'not enabled';
  const captured = capturedMsAgo === null ? '' : `, ${formatDuration(capturedMsAgo)} ago`;
  const states = [
    coveredId === null
      ? 'not loaded yet'
      : `${counted(appliedBatches, 'batch', 'batches')} applied, log read up to id ${number(coveredId)}${captured}`,
    haltedReason === null ? '' : `halted: ${haltedReason}`,
    paused ? 'paused' : '',
    inFlight === null ? '' : `batch ${inFlight.id} is ${inFlight.state}`,
    view.waitingLogRows > 0 ? `${counted(view.waitingLogRows, 'log row')} not captured yet` : '',
  ];
  return states.filter((state) => state !== '').join('; ');
}

async function readViews(control: pg.Client, extractUrl: string): Promise<ViewSummary[]> {
  const { rows } = await control.query(`select to_regclass('etl.view_source') is not null as "exists"`);
  if (!rows[0].exists) return [];
  const found = await control.query<Omit<ViewSummary, 'waitingLogRows'>>(`
    select
      v.name, v.enabled, v.paused, v.halted_reason as "haltedReason",
      (select count(*)::float8 from etl.etl_transaction t where t.view_name = v.name and t.state = 'applied')
        as "appliedBatches",
      greatest(c.floor_id, upper(c.seen) - 1)::float8 as "coveredId",
      (extract(epoch from now() - v.captured_at) * 1000)::float8 as "capturedMsAgo",
      (select jsonb_build_object('id', t.id::text, 'state', t.state) from etl.etl_transaction t
        where t.view_name = v.name and t.state in ('extracting', 'staged', 'applying')) as "inFlight"
    from etl.view_source v left join etl.checkpoint c on c.view_name = v.name
    order by v.name`);
  const waiting = await countWaitingLogRows(extractUrl);
  return found.rows.map((view) => ({ ...view, waitingLogRows: waiting.get(view.name) ?? 0 }));
}

/** The number of waiting log rows by view, according to `extract`; without views that the next tick would not capture. */
async function countWaitingLogRows(extractUrl: string): Promise<Map<string, number>> {
  const answer = await askFunction(extractUrl, { dryRun: true });
  const { views = [] } = answer as { views?: { view: string; logRows?: string }[] };
  return new Map(views.map(({ view, logRows = '0' }) => [view, Number(logRows)]));
}

async function readFinished(
  control: pg.Client,
  ids: string[],
): Promise<{ id: string; state: FinalState; error: string }[]> {
  const { rows } = await control.query(
    `select id::text, state, coalesce(error, '') as error from etl.etl_transaction
     where id = any($1::bigint[]) and state in ('applied', 'abandoned', 'failed') order by id`,
    [ids],
  );
  return rows;
}

async function withControl<T>(url: string, use: (control: pg.Client) => Promise<T>): Promise<T> {
  const control = new pg.Client(url);
  control.on('error', () => undefined);
  await control.connect();
  try {
    return await use(control);
  } finally {
    await control.end();
  }
}

const number = (count: number): string => count.toLocaleString('en-US');

const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count === 0 ? 'no' : number(count)} ${count === 1 ? one : many}`;

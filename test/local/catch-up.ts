import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { askFunction } from './functions.ts';
import { LoadMeter } from './load-meter.ts';
import type { Step } from './progress.ts';
import { readViewStates, type ViewState } from './view-states.ts';

/** Where the state of a running stack can be read. */
export interface WatchedStack {
  controlUrl: string;
  /** URL of the function `extract`. */
  extractUrl: string;
  /** The login of the role with which the functions read the source, to measure how much they have copied. */
  source?: pg.ClientConfig;
}

const POLL_INTERVAL_MS = 100;
const STALLED_MS = 120_000;
/** A batch that somebody works on, as its lease shows, may take longer than nothing at all. */
const STALLED_AT_WORK_MS = 15 * 60_000;

/** What the answer to `{"dryRun": true}` says about one view. The counts are absent if the next tick would not capture the view. */
interface Forecast {
  view: string;
  logRows?: string;
  queuedKeys?: string;
}

/** Resolves when every enabled view has an applied batch. Throws if a view is halted or if progress stalls. */
export async function untilLoaded(
  { controlUrl, source }: WatchedStack,
  signal: AbortSignal,
  step?: Step,
): Promise<ViewState[]> {
  const meter = source && step && new LoadMeter(source);
  try {
    return await watch(controlUrl, signal, async (states) => {
      if (meter !== undefined) step?.update(await meter.read(states));
      return { isMet: states.every(({ batches }) => batches > 0), seen: meter?.copied ?? 0 };
    });
  } finally {
    await meter?.close();
  }
}

/**
 * Resolves when no enabled view has a batch in flight, an uncovered log row or a queued key. Two polls in a row must see
 * this, because work could pass unseen between the two queries of one poll. Throws if a view is halted or if progress stalls.
 */
export async function untilIdle(
  { controlUrl, extractUrl }: WatchedStack,
  signal: AbortSignal,
  step?: Step,
): Promise<ViewState[]> {
  let idlePolls = 0;
  let most = 0;
  return await watch(controlUrl, signal, async (states) => {
    const { waiting, isWhole } = await countWaiting(extractUrl, states);
    most = Math.max(most, waiting);
    const atWork = states.filter(({ inFlight }) => inFlight !== null).length;
    const detail = atWork === 0 ? {} : { detail: `${atWork} of ${states.length} views at work` };
    step?.update({ done: most - waiting, total: most, unit: 'changes', ...detail });
    idlePolls = atWork === 0 && isWhole && waiting === 0 ? idlePolls + 1 : 0;
    return { isMet: idlePolls === 2, seen: waiting };
  });
}

/** Log rows and queued keys that no batch has taken, of the views that can tell; `isWhole` if all can. */
async function countWaiting(
  extractUrl: string,
  states: ViewState[],
): Promise<{ waiting: number; isWhole: boolean }> {
  const answer = await askFunction(extractUrl, { dryRun: true });
  const { views = [] } = answer as { views?: Forecast[] };
  const forecasts = states.map(({ name }) => views.find(({ view }) => view === name) ?? { view: name });
  return {
    waiting: forecasts.reduce(
      (sum, { logRows = 0, queuedKeys = 0 }) => sum + Number(logRows) + Number(queuedKeys),
      0,
    ),
    isWhole: forecasts.every(({ logRows, queuedKeys }) => logRows !== undefined && queuedKeys !== undefined),
  };
}

/** Polls the views' states until they meet the condition. `seen` changes while there is progress, too. */
async function watch(
  controlUrl: string,
  signal: AbortSignal,
  look: (states: ViewState[]) => Promise<{ isMet: boolean; seen: unknown }>,
): Promise<ViewState[]> {
  const control = new pg.Client(controlUrl);
  control.on('error', () => undefined);
  await control.connect();
  try {
    let lastSeen = '';
    let changedAtMs = performance.now();
    for (;;) {
      const states = await readViewStates(control);
      const halted = states.filter(({ haltedReason }) => haltedReason !== null);
      if (halted.length > 0) {
        throw new Error(
          halted.map(({ name, haltedReason }) => `${name} is halted: ${haltedReason}`).join('\n'),
        );
      }
      const { isMet, seen: further } = await look(states);
      if (isMet) return states;
      const seen = JSON.stringify([states, further]);
      if (seen !== lastSeen) changedAtMs = performance.now();
      lastSeen = seen;
      const unchangedMs = performance.now() - changedAtMs;
      if (unchangedMs > STALLED_MS && (unchangedMs > STALLED_AT_WORK_MS || !(await isAtWork(control)))) {
        const where = states.map(
          ({ name, inFlight, batches }) => `${name}: ${inFlight ?? `${batches} batches`}`,
        );
        throw new Error(
          `Nothing has changed for ${Math.round(unchangedMs / 1000)} seconds:\n  ${where.join('\n  ')}`,
        );
      }
      await delay(POLL_INTERVAL_MS, undefined, { signal });
    }
  } finally {
    await control.end();
  }
}

/** Whether a process of a function holds the lease of a view, which it must renew. */
async function isAtWork(control: pg.Client): Promise<boolean> {
  const { rows } = await control.query<{ held: boolean }>(
    'select exists (select from etl.lease where expires_at > now()) as held',
  );
  return rows[0]?.held === true;
}

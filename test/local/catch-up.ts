import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { askFunction } from './functions.ts';
import { readViewStates, type ViewState } from './view-states.ts';

/** Where the state of a running stack can be read. */
export interface WatchedStack {
  controlUrl: string;
  /** URL of the function `extract`. */
  extractUrl: string;
}

const POLL_INTERVAL_MS = 100;
const STALLED_MS = 120_000;

/** What the answer to `{"dryRun": true}` says about one view. The counts are absent if the next tick would not capture the view. */
interface Forecast {
  view: string;
  logRows?: string;
  queuedKeys?: string;
}

/** Resolves when every enabled view has an applied batch. Throws if a view is halted or if progress stalls. */
export async function untilLoaded({ controlUrl }: WatchedStack, signal: AbortSignal): Promise<ViewState[]> {
  return await watch(controlUrl, signal, async (states) => states.every(({ batches }) => batches > 0));
}

/**
 * Resolves when no enabled view has a batch in flight, an uncovered log row or a queued key. Two polls in a row must see
 * this, because work could pass unseen between the two queries of one poll. Throws if a view is halted or if progress stalls.
 */
export async function untilIdle(
  { controlUrl, extractUrl }: WatchedStack,
  signal: AbortSignal,
): Promise<ViewState[]> {
  let idlePolls = 0;
  return await watch(controlUrl, signal, async (states) => {
    const isIdle =
      states.every(({ inFlight }) => inFlight === null) && (await hasNothingLeft(extractUrl, states));
    idlePolls = isIdle ? idlePolls + 1 : 0;
    return idlePolls === 2;
  });
}

async function hasNothingLeft(extractUrl: string, states: ViewState[]): Promise<boolean> {
  const answer = await askFunction(extractUrl, { dryRun: true });
  const { views = [] } = answer as { views?: Forecast[] };
  const forecasts = new Map(views.map((forecast) => [forecast.view, forecast]));
  return states.every(({ name }) => {
    const forecast = forecasts.get(name);
    return forecast?.logRows === '0' && forecast.queuedKeys === '0';
  });
}

/** Polls the views' states until they meet the condition. */
async function watch(
  controlUrl: string,
  signal: AbortSignal,
  isMet: (states: ViewState[]) => Promise<boolean>,
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
      if (await isMet(states)) return states;
      const seen = JSON.stringify(states);
      if (seen !== lastSeen) changedAtMs = performance.now();
      lastSeen = seen;
      if (performance.now() - changedAtMs > STALLED_MS) {
        const where = states.map(
          ({ name, inFlight, batches }) => `${name}: ${inFlight ?? `${batches} batches`}`,
        );
        throw new Error(`Nothing has changed for ${STALLED_MS / 1000} seconds:\n  ${where.join('\n  ')}`);
      }
      await delay(POLL_INTERVAL_MS, undefined, { signal });
    }
  } finally {
    await control.end();
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { callFunction } from './functions.ts';
import { readViewStates, type ViewState } from './view-states.ts';

/** What a stack is asked while it is watched. */
export interface Watched {
  controlUrl: string;
  /** Address of the function `extract`. */
  extractUrl: string;
}

const POLL_INTERVAL_MS = 100;
const STALLED_MS = 120_000;

/** The part of `{"dryRun": true}`'s answer that tells what is left; a view that is about to do something else has no counts. */
interface Forecast {
  view: string;
  logRows?: string;
  queuedKeys?: string;
}

/** Resolves when every enabled view has a first applied batch. Throws when one is halted, or nothing moves any more. */
export async function untilLoaded({ controlUrl }: Watched, signal: AbortSignal): Promise<ViewState[]> {
  return await watch(controlUrl, signal, async (states) => states.every(({ batches }) => batches > 0));
}

/**
 * Resolves when no enabled view has a batch in flight, a log row that no batch covers, or a queued key: seen twice in a row,
 * so that nothing was on its way between the two looks. Throws when a view is halted, or nothing moves any more.
 */
export async function untilIdle(
  { controlUrl, extractUrl }: Watched,
  signal: AbortSignal,
): Promise<ViewState[]> {
  let idleLooks = 0;
  return await watch(controlUrl, signal, async (states) => {
    const isIdle =
      states.every(({ inFlight }) => inFlight === null) && (await hasNothingLeft(extractUrl, states));
    idleLooks = isIdle ? idleLooks + 1 : 0;
    return idleLooks === 2;
  });
}

async function hasNothingLeft(extractUrl: string, states: ViewState[]): Promise<boolean> {
  const answer = await callFunction(extractUrl, { dryRun: true });
  const { views = [] } = answer as { views?: Forecast[] };
  const forecasts = new Map(views.map((forecast) => [forecast.view, forecast]));
  return states.every(({ name }) => {
    const forecast = forecasts.get(name);
    return forecast?.logRows === '0' && forecast.queuedKeys === '0';
  });
}

/** Looks at the views' states until they are as wanted. */
async function watch(
  controlUrl: string,
  signal: AbortSignal,
  isAsWanted: (states: ViewState[]) => Promise<boolean>,
): Promise<ViewState[]> {
  const control = new pg.Client(controlUrl);
  control.on('error', () => undefined);
  await control.connect();
  try {
    let lastSeen = '';
    let movedAtMs = performance.now();
    for (;;) {
      const states = await readViewStates(control);
      const halted = states.filter(({ haltedReason }) => haltedReason !== null);
      if (halted.length > 0) {
        throw new Error(
          halted.map(({ name, haltedReason }) => `${name} is halted: ${haltedReason}`).join('\n'),
        );
      }
      if (await isAsWanted(states)) return states;
      const seen = JSON.stringify(states);
      if (seen !== lastSeen) movedAtMs = performance.now();
      lastSeen = seen;
      if (performance.now() - movedAtMs > STALLED_MS) {
        const where = states.map(
          ({ name, inFlight, batches }) => `${name}: ${inFlight ?? `${batches} batches`}`,
        );
        throw new Error(`Nothing has moved for ${STALLED_MS / 1000} seconds:\n  ${where.join('\n  ')}`);
      }
      await delay(POLL_INTERVAL_MS, undefined, { signal });
    }
  } finally {
    await control.end();
  }
}

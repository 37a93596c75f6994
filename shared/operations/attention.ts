import type { ViewStatus } from '../control/status.ts';
import { formatCount, formatSeconds } from '../model/format-amounts.ts';

/** Something that an operator should look at, in words, and the command that helps when its cause is mended. */
export type Attention = {
  view: string;
  tone: 'bad' | 'warning';
  what: string;
  /** More about it, as far as it is known. */
  why: string | null;
  /** Whether the functions wrote `why` about rows, so that it may name keys. */
  mayNameRows: boolean;
  action: 'redrive' | 'run' | 'accept-cost' | 'resync' | 'repair';
};

/** What needs attention, the worst first. */
export function attentionOf(views: readonly ViewStatus[], lagWarningSeconds: number): Attention[] {
  return views
    .flatMap((view) => attentionOfView(view, lagWarningSeconds))
    .sort((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'));
}

function attentionOfView(status: ViewStatus, lagWarningSeconds: number): Attention[] {
  const { view, state, halted, lastError, failedAttempts, behindSeconds, resyncAdvised, lastCheck } = status;
  const items: Attention[] = [];
  const add = (
    [tone, what, why = null]: [Attention['tone'], string, (string | null)?],
    action: Attention['action'],
    mayNameRows = false,
  ) => items.push({ view, tone, what, why, mayNameRows, action });
  if (state === 'halted') {
    // An operator has halted the view, or a failure has.
    const isByFailure = halted !== null && halted.why !== null && halted.by === null;
    add(['bad', 'is halted', halted?.why ?? 'no reason is known'], 'redrive', isByFailure);
  }
  if (state === 'retrying' && lastError !== null) {
    add(['warning', `has failed ${formatCount(failedAttempts, 'time', 'times')}`, lastError], 'run', true);
  }
  if (state === 'over budget') add(['warning', 'has used up its budget of the day'], 'accept-cost');
  if (state === 'running' && behindSeconds > lagWarningSeconds) {
    add(['warning', `is ${formatSeconds(behindSeconds)} behind`], 'run');
  }
  if (resyncAdvised !== null) add(['warning', 'may have wrong rows', resyncAdvised], 'resync', true);
  if (lastCheck?.isConsistent === false) {
    add(['bad', 'differs from its target', differing(lastCheck)], 'repair');
  }
  return items;
}

type Check = NonNullable<ViewStatus['lastCheck']>;

const differing = ({ missing, extra, different, duplicates, repaired }: Check): string =>
  formatCount(
    BigInt(missing) + BigInt(extra) + BigInt(different) + BigInt(duplicates) - BigInt(repaired),
    'row',
    'rows',
  );

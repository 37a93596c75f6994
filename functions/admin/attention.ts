import type { ViewStatus } from '../../shared/control/status.ts';
import { formatCount, formatSeconds } from './ui/format.ts';

/** Something that an operator should look at, in words, and where to act. */
export type Attention = {
  view: string;
  tone: 'bad' | 'warning';
  what: string;
  action: { label: string; path: string };
};

/** What needs attention, the worst first. */
export function attentionOf(views: readonly ViewStatus[], lagWarningSeconds: number): Attention[] {
  return views
    .flatMap((view) => attentionOfView(view, lagWarningSeconds))
    .sort((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'));
}

function attentionOfView(status: ViewStatus, lagWarningSeconds: number): Attention[] {
  const { view, state, halted, lastError, failedAttempts, behindSeconds, resyncAdvised, lastCheck } = status;
  const at = (tone: Attention['tone'], what: string, label: string, action: string): Attention => {
    return { view, tone, what, action: { label, path: actionPath(view, action) } };
  };
  const items: Attention[] = [];
  if (state === 'halted')
    items.push(at('bad', `is halted: ${halted?.why ?? 'no reason is known'}`, 'Redrive', 'redrive'));
  if (state === 'retrying' && lastError !== null) {
    items.push(
      at(
        'warning',
        `has failed ${formatCount(failedAttempts, 'time', 'times')}: ${lastError}`,
        'Run now',
        'run',
      ),
    );
  }
  if (state === 'over budget') {
    items.push(at('warning', 'has used up its budget of the day', 'Accept the cost', 'accept-cost'));
  }
  if (state === 'running' && behindSeconds > lagWarningSeconds) {
    items.push(at('warning', `is ${formatSeconds(behindSeconds)} behind`, 'Run now', 'run'));
  }
  if (resyncAdvised !== null)
    items.push(at('warning', `may have wrong rows: ${resyncAdvised}`, 'Resync', 'resync'));
  if (lastCheck?.isConsistent === false) {
    items.push(at('bad', `differs from its target: ${differing(lastCheck)}`, 'Repair', 'repair'));
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

/** Where an action on a view is explained and confirmed. */
export const actionPath = (view: string, action: string): string =>
  `/views/${encodeURIComponent(view)}/${action}`;

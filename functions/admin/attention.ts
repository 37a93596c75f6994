import type { ViewlessFailures } from '../../shared/control/failure-groups.ts';
import type { ViewStatus } from '../../shared/control/status.ts';
import { rowText } from './access/row-values.ts';
import type { User } from './access/user.ts';
import { formatCount, formatSeconds } from './ui/format.ts';
import { type Html, html } from './ui/html.ts';

/** Something that an operator should look at, in words, and where to act. */
export type Attention = {
  /** Null for failures that belong to no view. */
  view: string | null;
  tone: 'bad' | 'warning';
  what: Html | string;
  action: { label: string; path: string };
};

/** What needs attention, the worst first, as the user may read it. */
export function attentionOf(
  views: readonly ViewStatus[],
  lagWarningSeconds: number,
  user: User,
): Attention[] {
  return views
    .flatMap((view) => attentionOfView(view, lagWarningSeconds, user))
    .sort((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'));
}

function attentionOfView(status: ViewStatus, lagWarningSeconds: number, user: User): Attention[] {
  const { view, state, halted, lastError, failedAttempts, behindSeconds, resyncAdvised, lastCheck } = status;
  const at = (tone: Attention['tone'], what: Html | string, label: string, action: string): Attention => {
    return { view, tone, what, action: { label, path: actionPath(view, action) } };
  };
  const items: Attention[] = [];
  if (state === 'halted')
    items.push(at('bad', html`is halted: ${haltReason(halted, user)}`, 'Redrive', 'redrive'));
  if (state === 'retrying' && lastError !== null) {
    items.push(
      at(
        'warning',
        html`has failed ${formatCount(failedAttempts, 'time', 'times')}: ${rowText(lastError, user)}`,
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
    items.push(at('warning', html`may have wrong rows: ${rowText(resyncAdvised, user)}`, 'Resync', 'resync'));
  if (lastCheck?.isConsistent === false) {
    items.push(at('bad', `differs from its target: ${differing(lastCheck)}`, 'Repair', 'repair'));
  }
  return items;
}

/** An operator has halted the view, or a failure has. */
function haltReason(halted: ViewStatus['halted'], user: User): Html | string {
  if (halted === null || halted.why === null) return 'no reason is known';
  return halted.by === null ? rowText(halted.why, user) : halted.why;
}

type Check = NonNullable<ViewStatus['lastCheck']>;

const differing = ({ missing, extra, different, duplicates, repaired }: Check): string =>
  formatCount(
    BigInt(missing) + BigInt(extra) + BigInt(different) + BigInt(duplicates) - BigInt(repaired),
    'row',
    'rows',
  );

/** Failures that no view shows. */
export function attentionOfNoView({ failures, kinds }: ViewlessFailures): Attention[] {
  if (failures === 0) return [];
  const what = `${formatCount(failures, 'failure belongs', 'failures belong')} to no view: ${kinds.join(', ')}`;
  return [{ view: null, tone: 'warning', what, action: { label: 'See the failures', path: '/failures' } }];
}

/** Where an action on a view is explained and confirmed. */
export const actionPath = (view: string, action: string): string =>
  `/views/${encodeURIComponent(view)}/${action}`;

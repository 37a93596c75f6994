import type { ViewlessFailures } from '../../shared/control/failure-groups.ts';
import type { ViewStatus } from '../../shared/control/status.ts';
import { formatCount } from '../../shared/model/format-amounts.ts';
import * as operations from '../../shared/operations/attention.ts';
import { rowText } from './access/row-values.ts';
import type { User } from './access/user.ts';
import { type Html, html } from './ui/html.ts';

/** Something that an operator should look at, in words, and where to act. */
export type Attention = {
  /** Null for failures that belong to no view. */
  view: string | null;
  tone: 'bad' | 'warning';
  what: Html | string;
  action: { label: string; path: string };
};

const LABELS: Record<operations.Attention['action'], string> = {
  redrive: 'Redrive',
  run: 'Run now',
  'accept-cost': 'Accept the cost',
  resync: 'Resync',
  repair: 'Repair',
};

/** What needs attention, the worst first, as the user may read it. */
export const attentionOf = (
  views: readonly ViewStatus[],
  lagWarningSeconds: number,
  user: User,
): Attention[] =>
  operations.attentionOf(views, lagWarningSeconds).map(({ action, what, why, mayNameRows, view, tone }) => ({
    ...{ view, tone },
    what: why === null ? what : html`${what}: ${mayNameRows ? rowText(why, user) : why}`,
    action: { label: LABELS[action], path: actionPath(view, action) },
  }));

/** Failures that no view shows. */
export function attentionOfNoView({ failures, kinds }: ViewlessFailures): Attention[] {
  if (failures === 0) return [];
  const what = `${formatCount(failures, 'failure belongs', 'failures belong')} to no view: ${kinds.join(', ')}`;
  return [{ view: null, tone: 'warning', what, action: { label: 'See the failures', path: '/failures' } }];
}

/** Where an action on a view is explained and confirmed. */
export const actionPath = (view: string, action: string): string =>
  `/views/${encodeURIComponent(view)}/${action}`;

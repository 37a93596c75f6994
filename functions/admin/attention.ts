import type { ViewStatus } from '../../shared/control/status.ts';
import * as operations from '../../shared/operations/attention.ts';

/** Something that an operator should look at, in words, and where to act. */
export type Attention = Omit<operations.Attention, 'action'> & { action: { label: string; path: string } };

const LABELS: Record<operations.Attention['action'], string> = {
  redrive: 'Redrive',
  run: 'Run now',
  'accept-cost': 'Accept the cost',
  resync: 'Resync',
  repair: 'Repair',
};

/** What needs attention, the worst first. */
export const attentionOf = (views: readonly ViewStatus[], lagWarningSeconds: number): Attention[] =>
  operations.attentionOf(views, lagWarningSeconds).map(({ action, ...item }) => ({
    ...item,
    action: { label: LABELS[action], path: actionPath(item.view, action) },
  }));

/** Where an action on a view is explained and confirmed. */
export const actionPath = (view: string, action: string): string =>
  `/views/${encodeURIComponent(view)}/${action}`;

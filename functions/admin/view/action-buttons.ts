import type { ViewStatus } from '../../../shared/control/status.ts';
import { actionPath } from '../attention.ts';
import { type Html, html } from '../ui/html.ts';

type Action = readonly [action: string, label: string];

/** Actions on a view: those that are usual in its state, and the others behind "More". Each leads to a page that explains it first. */
export function actionButtons(status: ViewStatus): Html {
  const { view, state, loadType } = status;
  const isStopped = state === 'paused' || state === 'halted';
  const usual: Action[] = [
    ...(state === 'halted' ? ([['redrive', 'Redrive']] as const) : []),
    ...(isStopped
      ? ([['resume', 'Resume']] as const)
      : ([
          ['run', 'Run now'],
          ['pause', 'Pause'],
        ] as const)),
    ...(state === 'over budget' ? ([['accept-cost', 'Accept the cost']] as const) : []),
    ['reconcile', 'Check'],
    ...(status.lastCheck?.isConsistent === false ? ([['repair', 'Repair']] as const) : []),
    ['resync', 'Resync'],
  ];
  const others: Action[] = [
    ['repair', 'Check and repair'],
    ['keys', 'Fetch keys again'],
    ['recheck', 'Recheck'],
    ['load-type', 'Change the load type'],
    ['accept-cost', 'Accept the cost of today'],
    ...(loadType === 'merge' ? ([['purge', 'Purge deleted rows']] as const) : []),
    ...(isStopped ? [] : ([['redrive', 'Redrive']] as const)),
    ['forget', 'Forget the view'],
  ];
  const shown = new Set(usual.map(([action]) => action));
  const link = ([action, label]: Action) =>
    html`<a class="button" href="${actionPath(view, action)}">${label}</a>`;
  return html`<div class="actions" role="group" aria-label="Actions">${usual.map(link)}
<details><summary>More</summary><div class="menu">${others.filter(([action]) => !shown.has(action)).map(link)}</div></details></div>`;
}

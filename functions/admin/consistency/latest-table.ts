import type { ViewStatus } from '../../../shared/control/status.ts';
import { actionPath } from '../attention.ts';
import { badge } from '../ui/badge.ts';
import { formatNumber, NONE, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { heads, table } from '../ui/section.ts';
import { viewAddress } from '../view-address.ts';
import { describeMode } from './check-table.ts';

/** The latest result of every view, with what can be done. */
export function latestTable(views: readonly ViewStatus[], isOperator: boolean): Html {
  const rows = views.map((status) => {
    const { view, lastCheck } = status;
    return html`<tr><th scope="row"><a href="${viewAddress(view)}">${view}</a></th><td>${result(status)}</td>
<td>${lastCheck === null ? NONE : html`<a href="/consistency/${lastCheck.check}">${showTime(lastCheck.endedAt)}</a>`}</td>
<td>${lastCheck === null ? NONE : describeMode(lastCheck)}</td>
<td class="number">${lastCheck === null ? NONE : formatNumber(differing(lastCheck))}</td>
<td class="number">${lastCheck === null ? NONE : formatNumber(lastCheck.repaired)}</td>
<td>${isOperator ? actions(status) : ''}</td></tr>`;
  });
  const head = heads('View', 'Result', 'Last check', 'Compared', '#Differences', '#Repaired');
  return table(
    'Latest result of each view',
    html`${head}<th scope="col">${isOperator ? 'Action' : html`<span class="hidden">Action</span>`}</th>`,
    rows,
  );
}

function result({ lastCheck, runningCheck }: ViewStatus): Html {
  const running =
    runningCheck === null
      ? ''
      : html`<a href="/consistency/${runningCheck.check}">${badge('busy', runningCheck.state)}</a> `;
  if (lastCheck === null) return runningCheck === null ? badge('off', 'not checked') : html`${running}`;
  const { isConsistent } = lastCheck;
  const last =
    isConsistent === null
      ? badge('warning', 'no answer')
      : isConsistent
        ? badge('good', 'equal')
        : badge('bad', 'differs');
  return html`${running}${last}`;
}

type Check = NonNullable<ViewStatus['lastCheck']>;

const differing = ({ missing, extra, different, duplicates }: Check): bigint =>
  BigInt(missing) + BigInt(extra) + BigInt(different) + BigInt(duplicates);

const actions = ({ view, lastCheck }: ViewStatus): Html =>
  html`<a class="button" href="${actionPath(view, 'reconcile')}">Check<span class="hidden"> ${view}</span></a>
${lastCheck?.isConsistent === false ? html`<a class="button" href="${actionPath(view, 'repair')}">Repair<span class="hidden"> ${view}</span></a>` : ''}`;

import type { ListedCheck } from '../../../shared/control/check-history.ts';
import { badge } from '../ui/badge.ts';
import { formatNumber, NONE, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { heads, table } from '../ui/section.ts';
import { viewAddress } from '../view-address.ts';

type Result = Pick<ListedCheck, 'state' | 'isConsistent'>;

/** What a check has found, or what it does. */
export function resultBadge({ state, isConsistent }: Result): Html {
  if (state === 'failed') return badge('warning', 'no answer');
  if (state !== 'done') return badge('busy', state);
  return isConsistent === true ? badge('good', 'equal') : badge('bad', 'differs');
}

/** What a check compares. */
export const describeMode = ({ mode, sinceDays }: Pick<ListedCheck, 'mode' | 'sinceDays'>): string =>
  mode === 'since' ? `rows of ${sinceDays} days` : mode === 'keys' ? 'keys' : 'all columns';

const count = (rows: string | null): Html | string => (rows === null ? NONE : formatNumber(rows));

/** Checks as lines; those of one view without its name. */
export function checkTable(title: string, checks: readonly ListedCheck[], isOfOneView = false): Html {
  const rows = checks.map(
    (check) => html`<tr><th scope="row"><a href="/consistency/${check.id}">${check.id}</a></th>
${isOfOneView ? '' : html`<td><a href="${viewAddress(check.view)}">${check.view}</a></td>`}<td>${resultBadge(check)}</td>
<td>${describeMode(check)}${check.repairs ? ', repairs' : ''}</td><td>${showTime(check.endedAt ?? check.startedAt)}</td>
<td>${check.requestedBy ?? check.trigger}</td>
${[
  check.sourceRows,
  check.targetRows,
  check.missing,
  check.extra,
  check.different,
  check.duplicates,
  check.repaired,
].map((rows) => html`<td class="number">${count(rows)}</td>`)}</tr>`,
  );
  const numbers = [
    '#Source rows',
    '#Target rows',
    '#Missing',
    '#Extra',
    '#Different',
    '#Several',
    '#Repaired',
  ];
  const head = heads(
    'Check',
    ...(isOfOneView ? [] : ['View']),
    'Result',
    'Compares',
    'Time',
    'Asked by',
    ...numbers,
  );
  return table(title, head, rows, 'dense');
}

import type { DailyActivity, DailyReport } from '../../../shared/control/daily-report.ts';
import { rowText } from '../access/row-values.ts';
import type { User } from '../access/user.ts';
import { checkTable } from '../consistency/check-table.ts';
import { formatBytes, formatNumber, formatSeconds, NONE, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { empty, heads, section, table } from '../ui/section.ts';
import { viewAddress } from '../view-address.ts';

const seconds = (value: number | null): Html | string => (value === null ? NONE : formatSeconds(value));

/** What the day amounts to. */
export function totals({ total, failures, checks }: DailyReport): Html {
  const rows = BigInt(total.added) + BigInt(total.changed) + BigInt(total.deleted);
  const failed = failures.reduce((sum, each) => sum + each.failures, 0);
  const open = failures.reduce((sum, each) => sum + each.open, 0);
  const differing = checks.filter(({ isConsistent }) => isConsistent === false).length;
  const card = (label: string, value: Html | string, note: string) =>
    html`<div class="card"><dt>${label}</dt><dd>${value}</dd><dd class="note">${note}</dd></div>`;
  return html`<dl class="cards">
${card('Batches applied', formatNumber(total.applied), `${formatNumber(total.abandoned)} abandoned, ${formatNumber(total.failed)} failed`)}
${card('Rows changed', formatNumber(rows), `${formatNumber(total.unchanged)} more were equal already`)}
${card('Lag, 95th percentile', seconds(total.p95LagSeconds), total.maxLagSeconds === null ? 'no change was applied' : `at most ${formatSeconds(total.maxLagSeconds)}`)}
${card('Failures', formatNumber(failed), open === 0 ? 'none is open' : `${formatNumber(open)} still open`)}
${card('Checks', formatNumber(checks.length), differing === 0 ? 'none found a difference' : `${formatNumber(differing)} found differences`)}
${card('Billed by BigQuery', formatBytes(total.bytesBilled), `${formatNumber(total.jobs)} jobs`)}
</dl>`;
}

/** Transactions, lags and cost of each view. */
export function viewsSection({ total, views }: DailyReport): Html {
  const head = heads(
    'View',
    '#Applied',
    '#Abandoned',
    '#Failed',
    '#Retries',
    '#Added',
    '#Changed',
    '#Deleted',
    '#Unchanged',
    '#Lag p95',
    '#Lag max',
    '#Billed',
    '#Slot time',
  );
  const rows = views.map((each) => activityRow(each));
  return section(
    'views',
    'Transactions by view',
    rows.length === 0
      ? empty('No batch ended on this day.')
      : table('Transactions by view', head, [...rows, activityRow(total)], 'report'),
  );
}

function activityRow(each: DailyActivity): Html {
  const { view } = each;
  const numbers = [
    each.applied,
    each.abandoned,
    each.failed,
    each.retries,
    each.added,
    each.changed,
    each.deleted,
    each.unchanged,
  ];
  return html`<tr${view === null ? html` class="total"` : ''}><th scope="row">${view === null ? 'All views' : html`<a href="${viewAddress(view)}">${view}</a>`}</th>
${numbers.map((number) => html`<td class="number">${formatNumber(number)}</td>`)}
<td class="number">${seconds(each.p95LagSeconds)}</td><td class="number">${seconds(each.maxLagSeconds)}</td>
<td class="number">${formatBytes(each.bytesBilled)}</td><td class="number">${formatSeconds(Number(each.slotMs) / 1000)}</td></tr>`;
}

/** Failures by view and kind. */
export function failuresSection({ failures }: DailyReport, user: User): Html {
  const rows = failures.map(
    ({ functionName, view, kind, failures: count, open, lastAt, lastMessage }) =>
      html`<tr><th scope="row">${view === null ? 'no view' : html`<a href="${viewAddress(view)}">${view}</a>`}</th><td>${functionName}</td><td>${kind}</td>
<td class="number">${formatNumber(count)}</td><td class="number">${formatNumber(open)}</td><td>${showTime(lastAt)}</td><td class="wrap">${rowText(lastMessage, user)}</td></tr>`,
  );
  return section(
    'failures',
    'Failures',
    rows.length === 0
      ? empty('There were none.')
      : table(
          'Failures',
          heads('View', 'Function', 'Kind', '#Failures', '#Still open', 'Last', 'Last message'),
          rows,
          'texts',
        ),
  );
}

/** Checks that ended. */
export const checksSection = ({ checks }: DailyReport): Html =>
  section(
    'checks',
    'Checks',
    checks.length === 0 ? empty('No check ended on this day.') : checkTable('Checks', checks),
  );

/** What changed in views and their configuration. */
export function changesSection({ schemaChanges }: DailyReport): Html | '' {
  if (schemaChanges.length === 0) return '';
  const rows = schemaChanges.map(
    ({ view, kind, action, detectedAt }) =>
      html`<tr><td>${showTime(detectedAt)}</td><th scope="row"><a href="${viewAddress(view)}">${view}</a></th><td>${kind}</td><td>${action}</td></tr>`,
  );
  return section(
    'changes',
    'Schema changes',
    table('Schema changes', heads('Found', 'View', 'What changed', 'What was done'), rows),
  );
}

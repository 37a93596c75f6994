import { Hono } from 'hono';
import type { ViewStatus } from '../../../shared/control/status.ts';
import { viewState } from '../../../shared/operations/view-state.ts';
import type { Role } from '../access/user.ts';
import { type Attention, attentionOf, attentionOfNoView } from '../attention.ts';
import type { AdminEnv } from '../request.ts';
import { badge } from '../ui/badge.ts';
import { sparkLine } from '../ui/chart.ts';
import { formatBytes, formatNumber, formatSeconds, NONE, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';

const REFRESH_SECONDS = 10;

/** The overview: what needs attention, and one row per view. */
export function overview(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get('/', async (c) => {
    const { config, control } = c.get('dependencies');
    const [views, { failuresInAll }, viewless, hourly] = await Promise.all([
      control.status.views(undefined, { costDays: 1 }),
      control.status.openFailures(),
      control.failureGroups.withoutView(),
      control.viewActivity.hourlyRows(),
    ]);
    const attention = [
      ...attentionOf(views, config.lagWarningSeconds, c.get('user')),
      ...attentionOfNoView(viewless),
    ];
    const rows = views.map((view) => viewRow(view, hourly.get(view.view) ?? [], config.lagWarningSeconds));
    return await page(c, {
      title: 'Overview',
      refreshSeconds: REFRESH_SECONDS,
      main: html`<div class="heading"><h1>Overview</h1><a href="/report">Report of today</a></div>
${totals(views, attention, failuresInAll)}
${attentionList(attention, c.get('user').role)}
${views.length === 0 ? EMPTY : viewTable(rows)}`,
    });
  });
  return app;
}

const EMPTY = html`<p class="empty">There are no views yet. Begin with <a href="/sources">view sources</a>.</p>`;

function totals(views: readonly ViewStatus[], attention: readonly Attention[], failures: number): Html {
  const troubled = new Set(attention.flatMap(({ view }) => view ?? [])).size;
  const rows = views.reduce((sum, { lastDay }) => sum + BigInt(lastDay.rows), 0n);
  const today = new Date().toISOString().slice(0, 10);
  const billed = views
    .flatMap(({ cost }) => cost.filter(({ day }) => day === today))
    .reduce((sum, { bytesBilled }) => sum + BigInt(bytesBilled), 0n);
  const card = (label: string, value: string, note: string) =>
    html`<div class="card"><dt>${label}</dt><dd>${value}</dd><dd class="note">${note}</dd></div>`;
  return html`<dl class="cards">
${card('Views', formatNumber(views.length), attention.length === 0 ? 'all is well' : troubled === 0 ? 'none needs attention' : `${troubled} ${troubled === 1 ? 'needs' : 'need'} attention`)}
${card('Rows changed', formatNumber(rows), 'in the last 24 hours')}
${card('Billed by BigQuery', formatBytes(billed), 'today (UTC)')}
${card('Open failures', formatNumber(failures), failures === 0 ? 'nothing to do' : 'to redrive or resolve')}
</dl>`;
}

function attentionList(items: readonly Attention[], role: Role): Html | '' {
  if (items.length === 0) return '';
  return html`<section aria-labelledby="attention"><h2 id="attention">Needs attention</h2><ul class="attention">
${items.map(
  ({
    view,
    tone,
    what,
    action,
  }) => html`<li class="${tone}"><span>${badge(tone, view ?? 'no view')} ${what}</span>
  ${role === 'operator' ? html`<a class="button" href="${action.path}">${action.label}<span class="hidden"> ${view ?? 'of no view'}</span></a>` : ''}</li>`,
)}</ul></section>`;
}

function viewTable(rows: Html[]): Html {
  return html`<section aria-labelledby="views"><h2 id="views">Views</h2><div class="scroll"><table class="views">
<thead><tr><th scope="col">View</th><th scope="col">State</th><th scope="col" class="number">Lag</th>
<th scope="col">Last applied</th><th scope="col" class="number">Rows in 24 h</th><th scope="col">By hour</th>
<th scope="col" class="number">Source rows</th><th scope="col" class="number">Target rows</th><th scope="col">Consistency</th></tr></thead>
<tbody>${rows}</tbody></table></div></section>`;
}

function viewRow(status: ViewStatus, hourly: readonly number[], lagWarningSeconds: number): Html {
  const { view, loadType, behindSeconds, lastApplied, lastDay, rows } = status;
  const { word, tone } = viewState(status, lagWarningSeconds);
  return html`<tr id="view-${view}"><th scope="row"><a href="/views/${encodeURIComponent(view)}">${view}</a><span class="note">${loadType}</span></th>
<td>${badge(tone, word)}</td>
<td class="number">${formatSeconds(behindSeconds)}</td>
<td>${lastApplied === null ? NONE : showTime(lastApplied.appliedAt)}</td>
<td class="number">${formatNumber(lastDay.rows)}</td>
<td>${sparkLine(hourly, `${formatNumber(lastDay.rows)} rows changed in the last 24 hours`)}</td>
<td class="number">${rows === null ? NONE : formatNumber(rows.source)}</td>
<td class="number">${rows === null || rows.target === null ? NONE : formatNumber(rows.target)}</td>
<td>${consistency(status)}</td></tr>`;
}

function consistency({ lastCheck, runningCheck }: ViewStatus): Html {
  if (runningCheck !== null) return badge('busy', 'checking');
  if (lastCheck === null) return badge('off', 'not checked');
  const { isConsistent, endedAt } = lastCheck;
  if (isConsistent === null) return html`${badge('warning', 'check failed')} ${showTime(endedAt)}`;
  return html`${isConsistent ? badge('good', 'equal') : badge('bad', 'differs')} ${showTime(endedAt)}`;
}

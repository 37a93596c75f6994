import { Hono } from 'hono';
import type { AuditDetail, AuditEntry } from '../../../shared/control/audit.ts';
import { rowText, seesRows } from '../access/row-values.ts';
import type { User } from '../access/user.ts';
import {
  AUDITED,
  type AuditQuery,
  auditAddress,
  filterOf,
  nameOf,
  parseAuditQuery,
} from '../audit/audit-query.ts';
import { hasEmptyFields } from '../parse-fields.ts';
import type { AdminContext, AdminEnv } from '../request.ts';
import { badge } from '../ui/badge.ts';
import { formatNumber, NONE, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';
import { facts } from '../ui/section.ts';
import { dayInputs } from '../ui/time-input.ts';

const PAGE_ENTRIES = 50;

/** What operators have asked for, whoever and however. */
export function audit(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get('/audit', async (c) => {
    const given = c.req.query();
    const query = parseAuditQuery(given);
    // The address of a filter is the shortest one.
    return hasEmptyFields(given) ? c.redirect(auditAddress(query), 303) : await answerList(c, query);
  });
  app.get('/audit/:id', async (c) => {
    const id = c.req.param('id');
    const entry = /^\d{1,18}$/.test(id) ? await c.get('dependencies').control.audit.find(BigInt(id)) : null;
    return entry === null ? await c.notFound() : await answerEntry(c, entry);
  });
  return app;
}

async function answerList(c: AdminContext, query: AuditQuery): Promise<Response> {
  const { control } = c.get('dependencies');
  const [found, sources] = await Promise.all([
    control.audit.list(filterOf(query), PAGE_ENTRIES + 1),
    control.viewSources.list(),
  ]);
  const entries = found.slice(0, PAGE_ENTRIES);
  const last = entries.at(-1);
  return await page(c, {
    title: 'Audit',
    main: html`<h1>Audit</h1>
${filterForm(
  query,
  sources.map(({ name }) => name),
)}
${entries.length === 0 ? html`<p class="empty">${emptyText(query)}</p>` : table(entries, c.get('user'))}
<nav class="pager" aria-label="Pages">${query.before === undefined ? '' : html`<a class="button" href="${auditAddress({ ...query, before: undefined })}">Newest</a>`}
${found.length > PAGE_ENTRIES && last ? html`<a class="button" rel="next" href="${auditAddress({ ...query, before: last.id })}">Older</a>` : ''}</nav>`,
  });
}

const isFiltered = ({ before: _, ...filters }: AuditQuery): boolean =>
  Object.values(filters).some((value) => value !== undefined);

function emptyText(query: AuditQuery): string {
  if (isFiltered(query)) return 'No entry matches these filters.';
  return query.before === undefined
    ? 'Nobody has asked for anything yet. Actions on a view, calls and messages of operators appear here.'
    : 'There are no older entries.';
}

function filterForm(query: AuditQuery, views: readonly string[]): Html {
  const { view, action, by, from, to } = query;
  const option = (value: string, label: string, chosen: string | undefined) =>
    html`<option value="${value}"${value === chosen ? html` selected` : ''}>${label}</option>`;
  // A view that was forgotten is in the audit, too.
  const known = view === undefined || views.includes(view) ? views : [view, ...views];
  return html`<div class="filters"><form action="/audit" role="search" aria-label="Audit">
<label>View <select name="view"><option value="">any</option>${known.map((each) => option(each, each, view))}</select></label>
<label>Action <select name="action"><option value="">any</option>${Object.entries(AUDITED).map(([command, name]) => option(command, name, action))}</select></label>
<label>Who <input name="by" value="${by ?? ''}" autocomplete="off" spellcheck="false"></label>
${dayInputs({ from, to })}
<button class="main">Filter</button>${isFiltered(query) ? html`<a href="/audit">Remove all</a>` : ''}</form></div>`;
}

function table(entries: readonly AuditEntry[], user: User): Html {
  return html`<div class="scroll"><table class="audit"><thead><tr><th scope="col">When</th><th scope="col">Action</th><th scope="col">View</th>
<th scope="col">Result</th><th scope="col">Who</th><th scope="col">Why</th></tr></thead>
<tbody>${entries.map(
    (entry) => html`<tr><td><a href="/audit/${entry.id}">${showTime(entry.requestedAt)}</a></td>
<th scope="row">${nameOf(entry)}</th><td>${viewsOf(entry, 1)}</td><td class="long">${resultOf(entry, user)}</td>
<td>${whoOf(entry)}</td><td class="long">${entry.why ?? NONE}</td></tr>`,
  )}</tbody></table></div>`;
}

function viewsOf({ views }: AuditEntry, shown = views.length): Html {
  if (views.length === 0) return NONE;
  const links = views
    .slice(0, shown)
    .map((view, i) => html`${i === 0 ? '' : ', '}<a href="/views/${encodeURIComponent(view)}">${view}</a>`);
  const more = views.length - shown;
  return html`${links}${more > 0 ? ` and ${formatNumber(more)} more` : ''}`;
}

/** Whom the platform has checked, and whom the request names beside them. */
const whoOf = ({ by, claimedBy, via }: AuditEntry): Html =>
  html`${by ?? 'nobody knows'}<span class="note"> by ${via}${claimedBy === null ? '' : html`, claimed by ${claimedBy}`}</span>`;

/** A request that has not ended runs, or its process has died. */
function resultOf({ endedAt, outcome, error }: AuditEntry, user: User): Html {
  if (endedAt === null) return badge('busy', 'not ended');
  return error === null
    ? badge('good', outcome ?? 'done')
    : html`${badge('bad', 'failed')} ${rowText(error, user)}`;
}

async function answerEntry(c: AdminContext, entry: AuditDetail): Promise<Response> {
  const { requestedAt, endedAt, why, attempts, errorKind, advice, request, result } = entry;
  const isRunning = endedAt === null;
  const user = c.get('user');
  return await page(c, {
    title: `${nameOf(entry)}, audit`,
    ...(isRunning && { refreshSeconds: 5 }),
    main: html`<p class="note"><a href="/audit">Audit</a> ›</p><h1>${nameOf(entry)}</h1>
${facts([
  ['View', viewsOf(entry)],
  ['Who', whoOf(entry)],
  ['Why', why],
  ['Asked', showTime(requestedAt)],
  ['Ended', endedAt === null ? null : showTime(endedAt)],
  ['Attempts', attempts === 1 ? null : formatNumber(attempts)],
  ['Result', resultOf(entry, user)],
  ['Kind of error', errorKind],
  ['Advice', advice === null ? null : rowText(advice, user)],
])}
${isRunning ? html`<p>It runs, or waits until extract takes the message. If that lasts for minutes, its process has died: ask again.</p>` : ''}
${seesRows(user) ? html`${json('Request', request)}${result === null ? '' : json('Answer', result)}` : html`<p class="note">Operators also see request and answer, which may name keys.</p>`}`,
  });
}

function json(title: string, value: Record<string, unknown>): Html | '' {
  if (Object.keys(value).length === 0) return '';
  return html`<h2>${title}</h2><pre tabindex="0">${JSON.stringify(value, null, 2)}</pre>`;
}

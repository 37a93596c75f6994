import { Hono } from 'hono';
import { ERROR_KINDS } from '../../../shared/errors.ts';
import { type ActionResult, actOnFailures, type FailureAction } from '../failures/act-on-failures.ts';
import { failureCard, groupCard } from '../failures/failure-list.ts';
import {
  type FailureQuery,
  failuresAddress,
  filterOf,
  parseFailureForm,
  parseFailureQuery,
} from '../failures/failure-query.ts';
import { hasEmptyFields } from '../parse-fields.ts';
import type { AdminContext, AdminEnv } from '../request.ts';
import { formatNumber } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';
import { keepNotice } from '../ui/notice.ts';

const GROUPS = 100;
const PAGE_FAILURES = 50;

/** Failures and dead letters, by their reason. */
export function failures(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get('/failures', async (c) => {
    const given = c.req.query();
    const query = parseFailureQuery(given);
    if (hasEmptyFields(given)) return c.redirect(failuresAddress(query), 303);
    return query.group === undefined
      ? await answerGroups(c, query)
      : await answerGroup(c, { ...query, group: query.group });
  });
  for (const action of ['redrive', 'resolve'] as const) {
    app.post(`/failures/${action}`, async (c) => await answerAction(c, action));
  }
  app.get('/failures/:id', async (c) => await answerFailure(c, c.req.param('id')));
  return app;
}

async function answerGroups(c: AdminContext, query: FailureQuery): Promise<Response> {
  const { control } = c.get('dependencies');
  const [views, groups] = await Promise.all([
    control.transactionList.viewNames(),
    control.failureGroups.groups(filterOf(query), GROUPS + 1),
  ]);
  return await page(c, {
    title: 'Failures',
    main: html`<h1>Failures and dead letters</h1>${filterForm(query, views)}
${
  groups.length === 0
    ? html`<p class="empty">${isFiltered(query) ? 'No failure matches these filters.' : query.status === 'resolved' ? 'No failure has been resolved lately.' : 'No failure is open: nothing to do.'}</p>`
    : html`<h2 class="hidden">Reasons</h2><ul class="cases">${groups.slice(0, GROUPS).map((each) => groupCard(c, query, each))}</ul>`
}
${groups.length > GROUPS ? html`<p>There are more than ${GROUPS} reasons; these are the latest. Filter by view or kind to see others.</p>` : ''}`,
  });
}

async function answerGroup(c: AdminContext, query: FailureQuery & { group: string }): Promise<Response> {
  const { control } = c.get('dependencies');
  const { below = null, ...address } = query;
  const { group } = address;
  const [[own], found] = await Promise.all([
    control.failureGroups.groups(filterOf(query), 1),
    control.failureGroups.inGroup(group, filterOf(query), { below, limit: PAGE_FAILURES + 1 }),
  ]);
  const shown = found.slice(0, PAGE_FAILURES);
  const last = shown.at(-1);
  const hasMore = found.length > PAGE_FAILURES;
  return await page(c, {
    title: 'Failures of one reason',
    main: html`<h1>Failures of one reason</h1><p><a href="${failuresAddress({ ...address, group: undefined, below: undefined })}">All reasons</a></p>
${own === undefined ? html`<p class="empty">No ${query.status ?? 'open'} failure has this reason any more.</p>` : html`<h2 class="hidden">The reason</h2><ul class="cases">${groupCard(c, query, own)}</ul>`}
${shown.length === 0 ? '' : html`<section aria-labelledby="each"><h2 id="each">Each of them</h2><ul class="cases">${shown.map((each) => failureCard(c, each))}</ul></section>`}
<nav class="pager" aria-label="Pages">${below === null ? '' : html`<a class="button" href="${failuresAddress({ ...address, below: undefined })}">Newest</a>`}
${hasMore && last ? html`<a class="button" rel="next" href="${failuresAddress({ ...address, below: last.id })}">Older</a>` : ''}</nav>`,
  });
}

async function answerFailure(c: AdminContext, id: string): Promise<Response> {
  const { control, config } = c.get('dependencies');
  const failure = /^\d{1,18}$/.test(id) ? await control.failureGroups.find(BigInt(id)) : null;
  if (failure === null) {
    c.status(404);
    return await page(c, {
      title: 'No such failure',
      main: html`<h1>There is no failure ${id}</h1><p>Its number may be wrong, or it was deleted: what was resolved more than ${config.keepDays} days ago is.</p>
<p><a class="button" href="/failures">See the open failures</a></p>`,
    });
  }
  const status = failure.resolvedAt === null ? undefined : ('resolved' as const);
  return await page(c, {
    title: `Failure ${id}`,
    main: html`<h1>Failure ${id}</h1><p><a href="${failuresAddress({ status, group: failure.group })}">All of the same reason</a></p>
<h2 class="hidden">What happened</h2><ul class="cases">${failureCard(c, failure)}</ul>`,
  });
}

async function answerAction(c: AdminContext, action: FailureAction): Promise<Response> {
  const form = parseFailureForm(await c.req.parseBody());
  const dependencies = c.get('dependencies');
  const result = await actOnFailures(action, form, { user: c.get('user'), dependencies });
  const entry = await dependencies.control.audit.idOf(form.requestId);
  keepNotice(c, { text: describe(action, result), audit: entry === null ? null : String(entry) });
  return c.redirect('/failures', 303);
}

/** What an action has done. */
function describe(action: FailureAction, { count, before, left }: ActionResult): string {
  const done = action === 'redrive' ? 'redriven' : 'resolved';
  const why =
    action === 'redrive'
      ? 'they have no event to send, or there were too many for one time.'
      : 'there were too many for one time.';
  return [
    `${formatNumber(count)} ${count === 1 ? 'failure was' : 'failures were'} ${done}.`,
    ...(before > 0 ? [`${formatNumber(before)} had been resolved before.`] : []),
    ...(left > 0 ? [`${formatNumber(left)} more of the same reason stay open: ${why}`] : []),
  ].join(' ');
}

const isFiltered = ({ view, kind }: FailureQuery): boolean => view !== undefined || kind !== undefined;

function filterForm({ status, view, kind }: FailureQuery, views: readonly string[]): Html {
  const known = view === undefined || views.includes(view) ? views : [view, ...views];
  const option = (value: string, chosen: string | undefined) =>
    html`<option${value === chosen ? html` selected` : ''}>${value}</option>`;
  return html`<div class="filters"><form action="/failures" role="search" aria-label="Failures">
<label>Status <select name="status"><option value="">open</option>${option('resolved', status)}</select></label>
<label>View <select name="view"><option value="">any</option>${known.map((each) => option(each, view))}</select></label>
<label>Kind <select name="kind"><option value="">any</option>${ERROR_KINDS.map((each) => option(each, kind))}</select></label>
<button class="main">Filter</button>${status === undefined && view === undefined && kind === undefined ? '' : html`<a href="/failures">Remove all</a>`}</form></div>`;
}

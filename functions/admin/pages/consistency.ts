import { Hono } from 'hono';
import { z } from 'zod';
import type { CheckDetail } from '../../../shared/control/check-history.ts';
import type { DifferenceClass } from '../../../shared/model/consistency.ts';
import { CLASS_TEXTS } from '../../../shared/model/difference-classes.ts';
import { readPart } from '../../../shared/operations/read-part.ts';
import { rowText, seesRows } from '../access/row-values.ts';
import { actionPath } from '../attention.ts';
import { checkFacts, differenceSections, progress } from '../consistency/check-sections.ts';
import { checkTable, resultBadge } from '../consistency/check-table.ts';
import { latestTable } from '../consistency/latest-table.ts';
import { readValues } from '../consistency/read-values.ts';
import { rowsSection } from '../consistency/row-list.ts';
import { idField, parseFields, textField } from '../parse-fields.ts';
import type { AdminContext, AdminEnv } from '../request.ts';
import { showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';
import { empty, section } from '../ui/section.ts';
import { viewAddress } from '../view-address.ts';

const CHECKS = 50;
const ROWS = 50;
const REPORT_SECONDS = 30;
const REFRESH_SECONDS = 10;

const listQuery = z.object({ view: textField(200).optional(), before: idField.optional() });

const checkQuery = z.object({
  after: textField(5000).optional(),
  class: z.enum(Object.keys(CLASS_TEXTS) as [DifferenceClass, ...DifferenceClass[]]).optional(),
});

/** Whether views and targets are equal: the latest results, the history, and one check. */
export function consistency(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get('/consistency', async (c) => {
    const { view, before } = parseFields(listQuery, c.req.query());
    const { control } = c.get('dependencies');
    const [views, checks] = await Promise.all([
      control.status.views(view, { costDays: 1 }),
      control.checkHistory.list({ view, before }, CHECKS + 1),
    ]);
    return await page(c, {
      title: 'Consistency',
      ...(before === undefined && { refreshSeconds: REFRESH_SECONDS }),
      main: html`<h1>Consistency</h1>
${section('latest', 'Latest result of each view', views.length === 0 ? empty(view === undefined ? 'There are no views yet.' : 'There is no such view now.') : latestTable(views, c.get('user').role === 'operator'), view === undefined ? '' : html`<a href="/consistency">All views</a>`)}
${section('history', view === undefined ? 'History' : `History of ${view}`, history(checks, view))}`,
    });
  });
  app.get('/consistency/:id', async (c) => {
    const id = idField.safeParse(c.req.param('id'));
    const check = id.success ? await c.get('dependencies').control.checkHistory.get(id.data) : null;
    return check === null ? c.notFound() : await answerCheck(c, check);
  });
  return app;
}

function history(checks: Parameters<typeof checkTable>[1], view: string | undefined): Html {
  const shown = checks.slice(0, CHECKS);
  const last = shown.at(-1);
  if (last === undefined) {
    return empty(
      'There is no check yet. “Check” compares a view with its target; a schedule can do so every day.',
    );
  }
  const older = new URLSearchParams({ ...(view !== undefined && { view }), before: last.id });
  return html`${checkTable('Checks', shown, view !== undefined)}${checks.length > CHECKS ? html`<p class="more"><a href="/consistency?${String(older)}#history">Older checks</a></p>` : ''}`;
}

async function answerCheck(c: AdminContext, check: CheckDetail): Promise<Response> {
  const query = parseFields(checkQuery, c.req.query());
  const user = c.get('user');
  const groups = await c.get('dependencies').control.checkHistory.groups(BigInt(check.id));
  const rows = seesRows(user)
    ? await differingRows(c, check, query)
    : groups.length === 0
      ? ''
      : html`<p class="note">Operators also see the rows, with their keys.</p>`;
  const { view, endedAt } = check;
  const isRepairable = check.isConsistent === false && user.role === 'operator';
  return await page(c, {
    title: `Check ${check.id} · ${view}`,
    ...(endedAt === null && { refreshSeconds: REFRESH_SECONDS }),
    main: html`<p class="path"><a href="/consistency">Consistency</a> · <a href="${viewAddress(view)}">${view}</a></p>
<div class="heading"><h1>Check ${check.id} of ${view}</h1>${isRepairable ? html`<a class="button" href="${actionPath(view, 'repair')}">Repair</a>` : ''}</div>
<p class="verdict">${resultBadge(check)} ${check.error === null ? '' : rowText(check.error, user)}${endedAt === null ? html` begun ${showTime(check.startedAt)}` : ''}</p>
${endedAt === null ? progress(check) : ''}
${checkFacts(check)}
${differenceSections(check, groups, user)}
${rows}`,
  });
}

/** A page of the rows that differ, with the values of both sides if there is a report. */
async function differingRows(
  c: AdminContext,
  check: CheckDetail,
  { after, class: name }: z.output<typeof checkQuery>,
): Promise<Html | ''> {
  const { control, staging } = c.get('dependencies');
  const { report } = check;
  const found = await control.checkHistory.differences(BigInt(check.id), { after, class: name }, ROWS + 1);
  const rows = found.slice(0, ROWS);
  const keys = new Set(rows.map(({ key }) => key));
  const values =
    report !== null && keys.size > 0
      ? await readPart('reading the report', REPORT_SECONDS, () => readValues(report, keys, staging))
      : null;
  if (values !== null) c.header('cache-control', 'no-store');
  const next = found.length > ROWS ? (rows.at(-1)?.key ?? null) : null;
  return rowsSection(check, { rows, class: name, next }, values);
}

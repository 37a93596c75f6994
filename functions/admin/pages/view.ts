import { Hono } from 'hono';
import { z } from 'zod';
import type { ViewStatus } from '../../../shared/control/status.ts';
import { INTERVALS, type Span } from '../../../shared/control/view-history.ts';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import { readPart } from '../../../shared/operations/read-part.ts';
import { viewState } from '../../../shared/operations/view-state.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import { readOldestTransaction } from '../../../shared/source/oldest-transaction.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { readViewColumns } from '../../../shared/source/view-columns.ts';
import { rowText, seesRows } from '../access/row-values.ts';
import type { User } from '../access/user.ts';
import { attentionOf } from '../attention.ts';
import { checkTable } from '../consistency/check-table.ts';
import { parseFields } from '../parse-fields.ts';
import type { AdminContext, AdminEnv } from '../request.ts';
import { lookupForm } from '../row/lookup-form.ts';
import { badge } from '../ui/badge.ts';
import { type Html, html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';
import { empty, section } from '../ui/section.ts';
import { actionButtons } from '../view/action-buttons.ts';
import { activitySection } from '../view/activity-section.ts';
import { checkpointSection } from '../view/checkpoint-section.ts';
import { configurationSection } from '../view/configuration-section.ts';
import {
  batchesSection,
  failuresSection,
  queuedKeysSection,
  schemaChangesSection,
} from '../view/history-sections.ts';
import { viewCards } from '../view/view-cards.ts';
import { listsOf, namedView } from '../view-address.ts';

const REFRESH_SECONDS = 30;
const LINES = 10;
/** A source that is down must not keep the rest of the page waiting. */
const SOURCE_SECONDS = 5;

const query = z.object({ span: z.enum(Object.keys(INTERVALS) as [Span, ...Span[]]).default('24h') });

/** Everything about one view. */
export function view(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get('/views/:name', async (c) => {
    const { span } = parseFields(query, c.req.query());
    const named = await namedView(c);
    return named === null ? c.notFound() : await answer(c, named, span);
  });
  return app;
}

async function answer(
  c: AdminContext,
  { source, status }: { source: ViewSource; status: ViewStatus },
  span: Span,
): Promise<Response> {
  const { name } = source;
  const dependencies = c.get('dependencies');
  const { config, control } = dependencies;
  const user = c.get('user');
  const isOperator = user.role === 'operator';
  const [intervals, batches, failures, checks, changes, queued, checkpoint, fromSource] = await Promise.all([
    control.viewHistory.activity(name, span),
    control.viewHistory.batches(name, LINES),
    control.status.openFailures(name),
    control.checkHistory.list({ view: name }, LINES),
    control.viewHistory.schemaChanges(name, LINES),
    control.viewHistory.queuedKeys(name),
    control.checkpoints.read(name),
    readSource(source, dependencies),
  ]);
  const { word, tone } = viewState(status, config.lagWarningSeconds);
  return await page(c, {
    title: name,
    refreshSeconds: REFRESH_SECONDS,
    main: html`<div class="heading"><h1>${name} <span class="state">${badge(tone, word)}</span></h1>${isOperator ? actionButtons(status) : ''}</div>
${troubles(status, config.lagWarningSeconds, user)}
${viewCards(status)}
${activitySection(name, span, intervals)}
${failuresSection(name, failures, user)}
${batchesSection(name, batches, user)}
${section('checks', 'Latest checks', checks.length === 0 ? empty('The view has not been compared with its target yet.') : checkTable('Latest checks', checks, true), html`<a href="${listsOf(name).checks}">All checks of ${name}</a>`)}
${seesRows(user) ? section('lookup', 'Row lookup', html`<p>See a row on both sides, the log rows that name it, and the batches that carried it.</p>${lookupForm(source)}`) : ''}
${checkpointSection(checkpoint, fromSource.oldest)}
${queuedKeysSection(queued)}
${schemaChangesSection(changes)}
${configurationSection(source, fromSource.columns, { config, isOperator })}`,
  });
}

/** Reads the columns of the view and the oldest transaction, each unless the source is down. */
async function readSource(viewSource: ViewSource, { source }: Dependencies) {
  const [columns, oldest] = await Promise.all([
    readPart('reading the catalog of the source', SOURCE_SECONDS, () =>
      inSnapshot(source, (client) => readViewColumns(client, viewSource)),
    ),
    readPart('reading the transactions of the source', SOURCE_SECONDS, () =>
      inSnapshot(source, readOldestTransaction),
    ),
  ]);
  return { columns, oldest };
}

/** What needs attention, in words. The actions stand above. */
function troubles(status: ViewStatus, lagWarningSeconds: number, user: User): Html | '' {
  const items = attentionOf([status], lagWarningSeconds, user);
  const advice = status.state === 'retrying' ? status.lastErrorAdvice : null;
  if (items.length === 0) return '';
  return html`<ul class="attention">${items.map(
    ({ tone, what }) => html`<li class="${tone}"><span>${badge(tone, status.view)} ${what}</span></li>`,
  )}${advice === null ? '' : html`<li><span>${rowText(advice, user)}</span></li>`}</ul>`;
}

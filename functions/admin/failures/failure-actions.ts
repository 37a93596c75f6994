import { randomUUID } from 'node:crypto';
import type { FailureGroup, RecordedFailure } from '../../../shared/control/failure-groups.ts';
import { CSRF_FIELD } from '../access/csrf.ts';
import { actionPath } from '../attention.ts';
import type { AdminContext } from '../request.ts';
import { formatNumber } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { MAX_AT_ONCE } from './act-on-failures.ts';

/** More buttons would hide the rest; each view is listed in the overview, too. */
const SHOWN_VIEWS = 5;

/** What the forms below are about. */
type Meant = {
  /** The fields that name it. */
  fields: Record<string, string>;
  failures: number;
  redrivable: number;
  haltedViews: readonly string[];
};

export const actionsOfGroup = (
  c: AdminContext,
  { group, lastId, failures, redrivable, haltedViews }: FailureGroup,
  view: string | undefined,
): Html | '' =>
  actions(c, {
    fields: { group, upTo: String(lastId), shown: String(failures), ...(view !== undefined && { view }) },
    failures,
    redrivable,
    haltedViews,
  });

export function actionsOfFailure(c: AdminContext, failure: RecordedFailure): Html | '' {
  if (failure.resolvedAt !== null) return '';
  return actions(c, {
    fields: { failure: String(failure.id) },
    failures: 1,
    redrivable: failure.isRedrivable ? 1 : 0,
    haltedViews: failure.haltsView && failure.view !== null ? [failure.view] : [],
  });
}

/** What will happen, and the forms that make it happen. Only operators may. */
function actions(c: AdminContext, meant: Meant): Html | '' {
  if (c.get('user').role !== 'operator') return '';
  const { failures, redrivable, haltedViews } = meant;
  const redriven = Math.min(redrivable, MAX_AT_ONCE);
  const resolved = Math.min(failures, MAX_AT_ONCE);
  return html`<div class="actions">
${haltedViews
  .slice(0, SHOWN_VIEWS)
  .map(
    (view) =>
      html`<a class="button" href="${actionPath(view, 'redrive')}">Redrive the halted view ${view}</a>`,
  )}
${haltedViews.length > SHOWN_VIEWS ? html`<span>${formatNumber(haltedViews.length - SHOWN_VIEWS)} more views are halted: <a href="/">see the overview</a></span>` : ''}
${
  redriven === 0
    ? ''
    : confirmation(c, meant, {
        action: 'redrive',
        label: `Redrive ${events(redriven)}`,
        what: `Sends ${events(redriven)} again to the function that failed, and resolves ${redriven === 1 ? 'the failure' : 'these failures'}. Correct the cause first. What was done already is not done twice.${haltedViews.length > 0 ? ' A halted view skips its events: redrive the view instead.' : ''}`,
      })
}
${confirmation(c, meant, {
  action: 'resolve',
  label: `Resolve ${failureWord(resolved)}`,
  what: `Marks ${failureWord(resolved)} as resolved: nothing is sent, and nothing else changes.${haltedViews.length > 0 ? ' The view stays halted.' : ''}`,
})}</div>`;
}

function confirmation(
  c: AdminContext,
  { fields }: Meant,
  { action, label, what }: { action: 'redrive' | 'resolve'; label: string; what: string },
): Html {
  return html`<details class="confirm"><summary class="button">${label}…</summary>
<form method="post" action="/failures/${action}"><p>${what}</p>
<label><span>Why <span class="note">(is recorded)</span></span> <input name="note" maxlength="500" autocomplete="off"></label>
<input type="hidden" name="${CSRF_FIELD}" value="${c.get('csrfToken')}">
${Object.entries({ ...fields, requestId: randomUUID() }).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button class="main">${label}</button></form></details>`;
}

const failureWord = (n: number): string => `${formatNumber(n)} ${n === 1 ? 'failure' : 'failures'}`;
const events = (n: number): string => `${formatNumber(n)} ${n === 1 ? 'event' : 'events'}`;

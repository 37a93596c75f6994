import type { FailureGroup, RecordedFailure } from '../../../shared/control/failure-groups.ts';
import { rowText, seesRows } from '../access/row-values.ts';
import type { AdminContext } from '../request.ts';
import { transactionAddress } from '../transactions/transaction-table.ts';
import { badge } from '../ui/badge.ts';
import { formatNumber, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { actionsOfFailure, actionsOfGroup } from './failure-actions.ts';
import { type FailureQuery, failuresAddress } from './failure-query.ts';

const SHOWN_VIEWS = 5;

/** A group with its numbers, and what can be done about it. Its reason is what the messages have in common, and may name a key that is no number. */
export function groupCard(c: AdminContext, query: FailureQuery, each: FailureGroup): Html {
  const { group, kind, code, functionName, reason, failures, haltedViews, firstAt, lastAt } = each;
  const { status, view, kind: onlyKind } = query;
  const user = c.get('user');
  const address = failuresAddress({ status, view, kind: onlyKind, group });
  const isOpen = status !== 'resolved';
  return html`<li id="group-${group}"><h3><a href="${address}">${seesRows(user) ? reason : `${kind} in ${functionName}`}</a></h3>
<p class="summary">${isOpen ? badge(haltedViews.length > 0 ? 'bad' : 'warning', haltedViews.length > 0 ? 'halts a view' : 'open') : badge('off', 'resolved')}
<span><strong>${formatNumber(failures)}</strong> ${failures === 1 ? 'failure' : 'failures'}</span>
<span><code>${kind}</code>${code === null ? '' : html` <code>${code}</code>`} in ${functionName}</span>
<span>${lastAt.getTime() === firstAt.getTime() ? showTime(lastAt) : html`${showTime(firstAt)} – ${showTime(lastAt)}`}</span></p>
<p>${viewsOf(each)}</p>
<p>The latest: ${rowText(each.lastMessage, user)}</p><p class="advice">${rowText(each.advice, user)}</p>${isOpen ? actionsOfGroup(c, each, view) : ''}</li>`;
}

function viewsOf({ views }: FailureGroup): Html {
  const named = views.filter((view) => view !== null);
  if (named.length === 0) return html`No view: the event names none.`;
  return html`${named.slice(0, SHOWN_VIEWS).map((view, i) => html`${i > 0 ? ', ' : ''}<a href="/views/${encodeURIComponent(view)}">${view}</a>`)}${named.length > SHOWN_VIEWS ? ` and ${formatNumber(named.length - SHOWN_VIEWS)} more views` : ''}`;
}

/** One failure with its event. */
export function failureCard(c: AdminContext, failure: RecordedFailure): Html {
  const { id, occurredAt, functionName, view, etlTransactionId, kind, code, column, message, advice } =
    failure;
  const user = c.get('user');
  return html`<li id="failure-${id}"><h3><a href="/failures/${id}">Failure ${id}</a></h3>
<p class="summary">${stateOf(failure)} <span><code>${kind}</code>${code === null ? '' : html` <code>${code}</code>`} in ${functionName}</span>
<span>${showTime(occurredAt)}</span>
${view === null ? '' : html`<span>View <a href="/views/${encodeURIComponent(view)}">${view}</a></span>`}
${etlTransactionId === null ? '' : html`<span>Transaction <a href="${transactionAddress(etlTransactionId)}">${etlTransactionId}</a></span>`}
${column === null ? '' : html`<span>Column <code>${column}</code></span>`}
${failure.deadLetterDueAt === null ? '' : html`<span>${badge('busy', 'its dead letter is being published')}</span>`}</p>
<p class="message">${rowText(message, user)}</p><p class="advice">${rowText(advice, user)}</p>${eventOf(c, failure)}${actionsOfFailure(c, failure)}</li>`;
}

function stateOf({ resolvedAt, haltsView }: RecordedFailure): Html {
  if (resolvedAt !== null) return html`<span>${badge('off', 'resolved')} ${showTime(resolvedAt)}</span>`;
  return haltsView ? badge('bad', 'halts its view') : badge('warning', 'open');
}

function eventOf(c: AdminContext, { event }: RecordedFailure): Html {
  if (event === null) return html`<p class="note">No event was recorded with it.</p>`;
  if (!seesRows(c.get('user'))) return html`<p class="note">Only operators see its event.</p>`;
  return html`<details><summary>The event that failed</summary><pre>${indented(event)}</pre></details>`;
}

function indented(event: string): string {
  try {
    return JSON.stringify(JSON.parse(event), null, 2);
  } catch {
    return event;
  }
}

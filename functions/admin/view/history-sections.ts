import type { OpenFailure } from '../../../shared/control/status.ts';
import type {
  ListedBatch,
  ListedSchemaChange,
  QueuedKeySummary,
} from '../../../shared/control/view-history.ts';
import { rowText } from '../access/row-values.ts';
import type { User } from '../access/user.ts';
import { batchBadge } from '../transactions/batch-badge.ts';
import { badge } from '../ui/badge.ts';
import { formatNumber, formatSeconds, NONE, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { empty, heads, section, table } from '../ui/section.ts';
import { listsOf } from '../view-address.ts';

const count = (rows: string | null): Html | string => (rows === null ? NONE : formatNumber(rows));

/** The newest batches of the view. */
export function batchesSection(view: string, batches: readonly ListedBatch[], user: User): Html {
  const rows = batches.map(
    ({ id, kind, state, attempt, startedAt, durationSeconds, added, changed, deleted, error }) =>
      html`<tr><th scope="row"><a href="/transactions/${id}">${id}</a></th><td>${kind}</td>
<td>${batchBadge(state)}${error === null ? '' : html`<span class="note wrap">${rowText(error, user)}</span>`}</td><td>${showTime(startedAt)}</td>
<td class="number">${durationSeconds === null ? NONE : formatSeconds(durationSeconds)}</td><td class="number">${attempt}</td>
<td class="number">${count(added)}</td><td class="number">${count(changed)}</td><td class="number">${count(deleted)}</td></tr>`,
  );
  const head = heads(
    'Batch',
    'Kind',
    'State',
    'Begun',
    '#Duration',
    '#Attempt',
    '#Added',
    '#Changed',
    '#Deleted',
  );
  return section(
    'batches',
    'Latest transactions',
    rows.length === 0
      ? empty('There are none yet. The next tick begins the first load, if the view is enabled.')
      : table('Latest transactions', head, rows),
    html`<a href="${listsOf(view).transactions}">All transactions of ${view}</a>`,
  );
}

const SHOWN_FAILURES = 5;

/** The open failures of the view, with what to do. */
export function failuresSection(
  view: string,
  { failures, failuresInAll }: { failures: readonly OpenFailure[]; failuresInAll: number },
  user: User,
): Html {
  const items = failures.slice(0, SHOWN_FAILURES).map(
    ({ occurredAt, functionName, kind, haltsView, message, advice }) =>
      html`<li class="${haltsView ? 'bad' : 'warning'}"><div>${badge(haltsView ? 'bad' : 'warning', haltsView ? 'halts the view' : kind)} ${rowText(message, user)}
<p class="note">${functionName}, ${showTime(occurredAt)}. ${rowText(advice, user)}</p></div></li>`,
  );
  return section(
    'failures',
    'Open failures',
    items.length === 0 ? empty('There are none.') : html`<ul class="attention">${items}</ul>`,
    html`<a href="${listsOf(view).failures}">${failuresInAll > SHOWN_FAILURES ? `All ${formatNumber(failuresInAll)} failures` : 'Failures'} of ${view}</a>`,
  );
}

/** What has changed in the view or its view source, and what was done about it. */
export function schemaChangesSection(changes: readonly ListedSchemaChange[]): Html {
  const rows = changes.map(
    ({ kind, action, details, detectedAt }) =>
      html`<tr><td>${showTime(detectedAt)}</td><th scope="row">${kind}</th><td>${action}</td>
<td class="wrap"><details><summary>${Object.keys(details).join(', ') || 'nothing more'}</summary><code class="value">${JSON.stringify(details, null, 1)}</code></details></td></tr>`,
  );
  return section(
    'changes',
    'Schema changes',
    rows.length === 0
      ? empty('Neither the view nor its configuration has changed.')
      : table('Schema changes', heads('Found', 'What changed', 'What was done', 'Details'), rows),
  );
}

const STATES = {
  due: 'the next batch takes them',
  later: 'not due yet',
  taken: 'a batch has taken them',
} as const;

/** The keys that batches must fetch whatever the log says. */
export function queuedKeysSection(queued: readonly QueuedKeySummary[]): Html {
  const rows = queued.map(
    ({ kind, state, keys, firstDueAt, lastDueAt }) =>
      html`<tr><th scope="row">${kind}</th><td>${STATES[state]}</td><td class="number">${formatNumber(keys)}</td>
<td>${showTime(firstDueAt)}</td><td>${showTime(lastDueAt)}</td></tr>`,
  );
  return section(
    'queue',
    'Queued keys',
    rows.length === 0
      ? empty('No key waits to be fetched again.')
      : table('Queued keys', heads('Why', 'State', '#Keys', 'First due', 'Last due'), rows),
  );
}

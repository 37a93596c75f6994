import type { CheckMention, QueuedMention } from '../../../shared/control/key-mentions.ts';
import type { TransactionPage } from '../../../shared/control/transaction-list.ts';
import type { User } from '../access/user.ts';
import { badge } from '../ui/badge.ts';
import { formatNumber, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import type { Finding, KeySearch } from './key-search.ts';
import { listAddress, type TransactionQuery } from './transaction-query.ts';
import { transactionAddress, transactionTable } from './transaction-table.ts';

export type KeyResult = {
  view: string;
  key: string;
  queued: readonly QueuedMention[];
  checks: readonly CheckMention[];
  search: KeySearch;
  page: TransactionPage;
};

/** What is known of a key, and how far that reaches. */
export function keyResult(
  query: TransactionQuery,
  { view, key, queued, checks, search, page }: KeyResult,
  user: User,
): Html {
  const carriers = search.looked.filter(({ finding }) => finding === 'upsert' || finding === 'delete');
  const findings = new Map(search.looked.map(({ transaction, finding }) => [transaction.id, finding]));
  return html`<section aria-labelledby="carried"><h2 id="carried">Batches that carried the key ${key}</h2>
${coverage(view, key, search)}
${
  carriers.length === 0
    ? html`<p class="empty">None of these batches has the key.</p>`
    : transactionTable(
        carriers.map(({ transaction }) => transaction),
        user,
        { title: 'Staged', cell: ({ id }) => showFinding(findings.get(id) ?? 'nothing') },
      )
}${keyPager(query, search, page)}</section>
${queueSection(queued)}${checkSection(checks)}`;
}

/** Says what was looked at: the control database records no keys of batches, and staged objects are deleted after some days. */
function coverage(view: string, key: string, { looked }: KeySearch): Html {
  const [first, last] = [looked[0]?.transaction.id, looked.at(-1)?.transaction.id];
  const number = (finding: Finding) => looked.filter((each) => each.finding === finding).length;
  const address = `/views/${encodeURIComponent(view)}/row?${new URLSearchParams({ key })}`;
  return html`<p class="coverage">${
    first === undefined
      ? 'No batch of the view matches the filters.'
      : `Looked through the staged objects of ${batches(looked.length)}, from ${first} back to ${last}.`
  }
${number('gone') > 0 ? `Those of ${batches(number('gone'))} are deleted already or were never written: whether they had the key is not known.` : ''}
${number('too large') > 0 ? `${batches(number('too large'))} ${number('too large') === 1 ? 'is' : 'are'} too large to be looked through here, such as a first load.` : ''}
Cloud Storage keeps staged objects for some days. For older changes see <a href="${address}">the row and the log rows that named it</a>.</p>`;
}

const batches = (n: number): string => `${formatNumber(n)} ${n === 1 ? 'batch' : 'batches'}`;

const showFinding = (finding: Finding): Html =>
  finding === 'delete' ? badge('off', 'a delete') : badge('good', 'a row');

function keyPager(query: TransactionQuery, { looked, isWhole }: KeySearch, page: TransactionPage): Html {
  const { older: _, newer: __, ...filters } = query;
  const last = looked.at(-1)?.transaction;
  return html`<nav class="pager" aria-label="Pages">
${page.hasNewer ? html`<a class="button" href="${listAddress(filters)}">Newest</a>` : ''}
${last !== undefined && (page.hasOlder || !isWhole) ? html`<a class="button" rel="next" href="${listAddress({ ...filters, older: last })}">Look through older batches</a>` : ''}</nav>`;
}

function queueSection(queued: readonly QueuedMention[]): Html {
  return html`<section aria-labelledby="queue"><h2 id="queue">In the queue</h2>
${
  queued.length === 0
    ? html`<p>The key does not wait to be fetched.</p>`
    : html`<ul>${queued.map(
        ({ kind, dueAt, etlTransactionId }) =>
          html`<li>${badge('busy', kind)} due ${showTime(dueAt)}${
            etlTransactionId === null
              ? ', waits for a batch'
              : html`, taken by batch <a href="${transactionAddress(etlTransactionId)}">${etlTransactionId}</a>`
          }</li>`,
      )}</ul>`
}</section>`;
}

function checkSection(checks: readonly CheckMention[]): Html | '' {
  if (checks.length === 0) return '';
  return html`<section aria-labelledby="checks"><h2 id="checks">Checks that found the row different</h2><ul>${checks.map(
    (
      each,
    ) => html`<li><a href="/consistency/${each.check}">Check ${each.check}</a>${each.endedAt === null ? '' : html`, ${showTime(each.endedAt)}`}:
${badge(each.isRepaired ? 'good' : 'bad', each.isRepaired ? `${each.kind}, repaired` : each.kind)} ${each.class ?? ''}</li>`,
  )}</ul></section>`;
}

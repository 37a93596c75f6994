import { Hono } from 'hono';
import { z } from 'zod';
import {
  BEHIND_OLDEST,
  type ListedTransaction,
  type TransactionPage,
} from '../../../shared/control/transaction-list.ts';
import { asDataHubError } from '../../../shared/errors.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import { Refusal } from '../access/refusal.ts';
import { seesRows } from '../access/row-values.ts';
import type { User } from '../access/user.ts';
import { hasEmptyFields, parseFields } from '../parse-fields.ts';
import type { AdminContext, AdminEnv } from '../request.ts';
import { activeFilters, filterForm } from '../transactions/filter-form.ts';
import { searchKey } from '../transactions/key-search.ts';
import { keyResult } from '../transactions/key-search-page.ts';
import {
  filterOf,
  listAddress,
  parseTransactionQuery,
  startOf,
  type TransactionQuery,
} from '../transactions/transaction-query.ts';
import { transactionAddress, transactionTable } from '../transactions/transaction-table.ts';
import { csvHeader, csvLines } from '../transactions/transactions-csv.ts';
import { formatNumber } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';

const PAGE_ROWS = 50;
/** Batches that a page of a search by key looks through. */
const KEY_PAGE_ROWS = 200;
const REFRESH_SECONDS = 10;
/** Counting all of a million would take longer than everything else. */
const MAX_COUNT = 10_000;
/** So that a download ends within the time limit of a request; with dates, every row can be had. */
const MAX_CSV_ROWS = 200_000;

/** The list of ETL transactions, with filters, search and download. */
export function transactions(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get('/transactions', async (c) => {
    const given = c.req.query();
    if (given.number !== undefined) return c.redirect(transactionAddress(numberOf(given)), 303);
    const query = parseTransactionQuery(given);
    // A form sends empty fields, too; an address that somebody keeps has only what filters.
    if (hasEmptyFields(given)) return c.redirect(listAddress(query), 303);
    return await answerList(c, query);
  });
  app.get('/transactions.csv', async (c) => {
    const { older: _, newer: __, key: ___, ...query } = parseTransactionQuery(c.req.query());
    return await answerCsv(c, query);
  });
  return app;
}

const number = z.strictObject({
  number: z
    .string()
    .regex(/^\s*#?\d{1,18}\s*$/, 'is not the number of an ETL transaction')
    .transform((text) => BigInt(text.replaceAll(/\D/g, ''))),
});

const numberOf = (given: Record<string, string>): bigint => parseFields(number, given).number;

async function answerList(c: AdminContext, query: TransactionQuery): Promise<Response> {
  const { control } = c.get('dependencies');
  const user = c.get('user');
  if (query.key !== undefined && !seesRows(user)) {
    throw new Refusal(403, 'Keys are values of rows: only operators may search by key.', 'search by key');
  }
  const filter = filterOf(query);
  const [views, listed, total] = await Promise.all([
    control.transactionList.viewNames(),
    control.transactionList.page(filter, startOf(query), query.key === undefined ? PAGE_ROWS : KEY_PAGE_ROWS),
    control.transactionList.count(filter, MAX_COUNT + 1),
  ]);
  const isFirst = startOf(query) === null;
  const result = await keyOrList(query, listed, { user, dependencies: c.get('dependencies') });
  return await page(c, {
    title: 'Transactions',
    ...(isFirst && query.key === undefined && { refreshSeconds: REFRESH_SECONDS }),
    main: html`<h1>ETL transactions</h1>${filterForm(query, { views, user })}
${activeFilters(query)}${query.key === undefined ? summary(query, total) : ''}${result}`,
  });
}

function summary(query: TransactionQuery, total: number): Html {
  const counted = total > MAX_COUNT ? `More than ${formatNumber(MAX_COUNT)}` : formatNumber(total);
  const { older: _, newer: __, key: ___, ...filters } = query;
  return html`<p class="summary"><span>${counted} ${total === 1 ? 'transaction' : 'transactions'}, the newest first</span>
<a href="${listAddress(filters, '/transactions.csv')}">Download as CSV</a>
<span class="note">all pages, at most the newest ${formatNumber(MAX_CSV_ROWS)} transactions</span></p>`;
}

async function keyOrList(
  query: TransactionQuery,
  listed: TransactionPage,
  { user, dependencies }: { user: User; dependencies: Dependencies },
): Promise<Html> {
  const { key, view } = query;
  if (key === undefined || view === undefined) return list(query, listed, user);
  const { keyMentions } = dependencies.control;
  const [search, queued, checks] = await Promise.all([
    searchKey(listed.rows, { view, key }, dependencies),
    keyMentions.queued(view, key),
    keyMentions.checks(view, key),
  ]);
  return keyResult(query, { view, key, queued, checks, search, page: listed }, user);
}

function list(query: TransactionQuery, listed: TransactionPage, user: User): Html {
  if (listed.rows.length === 0) {
    return listAddress(query) === '/transactions'
      ? html`<p class="empty">There are no ETL transactions yet: the first ones appear when a view is enabled and the next tick comes.</p>`
      : html`<p class="empty">No transaction matches these filters. Remove some of them.</p>`;
  }
  return html`${transactionTable(listed.rows, user)}${pager(query, listed)}`;
}

function pager(query: TransactionQuery, { rows, hasNewer, hasOlder }: TransactionPage): Html {
  const { older: _, newer: __, ...filters } = query;
  const [first, last] = [rows[0], rows.at(-1)];
  const link = (to: Partial<TransactionQuery>, label: string, rel: string) =>
    html`<a class="button" rel="${rel}" href="${listAddress({ ...filters, ...to })}">${label}</a>`;
  return html`<nav class="pager" aria-label="Pages">${hasNewer ? link({}, 'Newest', 'first') : ''}
${hasNewer && first ? link({ newer: first }, 'Newer', 'prev') : ''}
${hasOlder && last ? html`${link({ older: last }, 'Older', 'next')} ${link({ newer: BEHIND_OLDEST }, 'Oldest', 'last')}` : ''}</nav>`;
}

/** The file is sent while it is read, so that it may have any number of rows. A failure in between breaks the download off. */
async function answerCsv(c: AdminContext, query: TransactionQuery): Promise<Response> {
  const { control, log } = c.get('dependencies');
  const user = c.get('user');
  const chunks = control.transactionList.chunks(filterOf(query), MAX_CSV_ROWS);
  // Before the answer begins, a failure is still a page.
  const first = await chunks.next();
  async function* lines(): AsyncGenerator<Uint8Array> {
    const encoder = new TextEncoder();
    yield encoder.encode(csvHeader(user));
    try {
      let chunk: IteratorResult<ListedTransaction[]> = first;
      while (chunk.done !== true) {
        yield encoder.encode(csvLines(chunk.value, user));
        chunk = await chunks.next();
      }
    } catch (thrown) {
      const { kind, message } = asDataHubError(thrown);
      log.error({ path: c.req.path, kind, error: message }, 'admin page failed');
      throw thrown;
    } finally {
      await chunks.return(undefined);
    }
  }
  const name = `transactions-${new Date().toISOString().slice(0, 10)}.csv`;
  return c.body(ReadableStream.from(lines()), 200, {
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': `attachment; filename="${name}"`,
    'cache-control': 'private, no-store',
  });
}

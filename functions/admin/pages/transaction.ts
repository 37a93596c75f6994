import { Hono } from 'hono';
import type { TransactionDetail, TransactionRecord } from '../../../shared/control/transaction-detail.ts';
import { IN_FLIGHT } from '../../../shared/model/batch-states.ts';
import { rowText } from '../access/row-values.ts';
import type { AdminContext, AdminEnv } from '../request.ts';
import { batchBadge, consistencyBadge } from '../transactions/batch-badge.ts';
import { phasesOf } from '../transactions/phases.ts';
import { timeLine } from '../transactions/time-line.ts';
import { listAddress } from '../transactions/transaction-query.ts';
import {
  billedJobs,
  counts,
  definitionSection,
  failureSection,
  stagedObjects,
} from '../transactions/transaction-sections.ts';
import { transactionAddress } from '../transactions/transaction-table.ts';
import { formatSeconds, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';

const REFRESH_SECONDS = 3;

/** One ETL transaction with everything that is recorded of it. */
export function transaction(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get('/transactions/:id', async (c) => {
    const id = c.req.param('id');
    const { control } = c.get('dependencies');
    const record = /^\d{1,18}$/.test(id) ? await control.transactionDetail.find(BigInt(id)) : null;
    return record === null ? await answerUnknown(c, id) : await answerRecord(c, record);
  });
  return app;
}

async function answerUnknown(c: AdminContext, id: string): Promise<Response> {
  c.status(404);
  const { keepDays } = c.get('dependencies').config;
  return await page(c, {
    title: 'No such transaction',
    main: html`<h1>There is no ETL transaction ${id}</h1>
<p>Its number may be wrong, or it was deleted: what ended more than ${keepDays} days ago is.</p>
<p><a class="button" href="/transactions">See all transactions</a></p>`,
  });
}

async function answerRecord(c: AdminContext, record: TransactionRecord): Promise<Response> {
  const { config, clock } = c.get('dependencies');
  const { detail, jobs, failures } = record;
  const user = c.get('user');
  const isInFlight = IN_FLIGHT.includes(detail.state);
  return await page(c, {
    title: `Transaction ${detail.id}`,
    ...(isInFlight && { refreshSeconds: REFRESH_SECONDS }),
    main: html`${heading(detail)}${neighbours(detail)}
${detail.error === null || failures.some(({ message }) => message === detail.error) ? '' : html`<p class="alert ${detail.state === 'failed' ? 'bad' : 'warning'}">${rowText(detail.error, user)}</p>`}
${failureSection(failures, user)}
<section aria-labelledby="time"><h2 id="time">Time line</h2>${timeLine(phasesOf(detail), clock.nowMs())}${lateness(detail)}</section>
${counts(record)}${billedJobs(detail, jobs, config)}${stagedObjects(detail, config)}${definitionSection(detail)}`,
  });
}

function heading({ id, view, kind, state, attempt, trigger, isConsistent }: TransactionDetail): Html {
  return html`<h1>ETL transaction ${id}</h1>
<p class="summary"><span>${batchBadge(state)}</span> <span>${kind} batch of <a href="/views/${encodeURIComponent(view)}">${view}</a></span>
<span class="note">asked for by ${trigger}${attempt > 1 ? `, attempt ${attempt}` : ''}</span>
${isConsistent === null ? '' : html`<span>A check found that both sides: ${consistencyBadge(isConsistent)}</span>`}</p>`;
}

function neighbours({ view, before, after }: TransactionDetail): Html {
  return html`<nav class="pager" aria-label="Transactions of the view">
${before === null ? '' : html`<a class="button" rel="prev" href="${transactionAddress(before)}">← ${before} before it</a>`}
${after === null ? '' : html`<a class="button" rel="next" href="${transactionAddress(after)}">${after} after it →</a>`}
<a href="${listAddress({ view })}">All of ${view}</a></nav>`;
}

function lateness({ oldestChangeAt, lagSeconds }: TransactionDetail): Html | '' {
  if (oldestChangeAt === null) return '';
  return html`<p>Its oldest change was logged ${showTime(oldestChangeAt)}${lagSeconds === null ? '' : html`, and was in the target ${formatSeconds(lagSeconds)} later`}.</p>`;
}

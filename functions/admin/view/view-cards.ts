import type { ViewStatus } from '../../../shared/control/status.ts';
import {
  formatBytes,
  formatCopy,
  formatCount,
  formatNumber,
  formatSeconds,
  NONE,
  showTime,
} from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';

/** The state of a view in a few numbers. */
export function viewCards({
  behindSeconds,
  lastApplied,
  inFlight,
  rows,
  lastDay,
  cost,
  dailyBudgetBytes,
  paused,
}: ViewStatus): Html {
  const today = new Date().toISOString().slice(0, 10);
  const billed = cost.find(({ day }) => day === today)?.bytesBilled ?? '0';
  const card = (label: string, value: Html | string, note: Html | string) =>
    html`<div class="card"><dt>${label}</dt><dd>${value}</dd><dd class="note">${note}</dd></div>`;
  return html`<dl class="cards">
${card('Lag', formatSeconds(behindSeconds), paused === null ? inFlightNote(inFlight) : pauseNote(paused))}
${card('Last applied', lastApplied === null ? NONE : html`<span class="time">${showTime(lastApplied.appliedAt)}</span>`, lastApplied === null ? 'nothing yet' : html`<a href="/transactions/${lastApplied.etlTransactionId}">batch ${lastApplied.etlTransactionId}</a>, took ${formatSeconds(lastApplied.durationSeconds)}`)}
${card('Rows changed', formatNumber(lastDay.rows), `in ${formatCount(lastDay.batches, 'batch', 'batches')} of 24 hours`)}
${card('Source rows', rows === null ? NONE : formatNumber(rows.source), rows === null ? 'not counted yet' : html`counted ${showTime(rows.appliedAt)}`)}
${card('Target rows', rows === null || rows.target === null ? NONE : formatNumber(rows.target), rows === null || rows.target === null ? 'BigQuery does not tell' : 'after the same batch')}
${card('Billed by BigQuery', formatBytes(billed), dailyBudgetBytes === null ? 'today (UTC)' : `today (UTC), of ${formatBytes(dailyBudgetBytes)}`)}
</dl>`;
}

const inFlightNote = (inFlight: ViewStatus['inFlight']): Html | string =>
  inFlight === null
    ? 'no batch in flight'
    : html`<a href="/transactions/${inFlight.etlTransactionId}">batch ${inFlight.etlTransactionId}</a> is ${inFlight.state}${inFlight.copy === null ? '' : `: ${formatCopy(inFlight.copy)}`}`;

const pauseNote = ({ since, by, why }: NonNullable<ViewStatus['paused']>): Html =>
  html`paused${since === null ? '' : html` ${showTime(since)}`}${by === null ? '' : ` by ${by}`}${why === null ? '' : `: ${why}`}`;

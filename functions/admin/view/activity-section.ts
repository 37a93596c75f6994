import type { Interval, Span } from '../../../shared/control/view-history.ts';
import { chart } from '../ui/chart.ts';
import { formatBytes, formatCount } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { section } from '../ui/section.ts';
import { viewAddress } from '../view-address.ts';

const SPANS: Record<Span, string> = { '24h': '24 hours', '7d': '7 days', '30d': '30 days' };
const LENGTHS: Record<Span, string> = { '24h': '15 minutes', '7d': '2 hours', '30d': '6 hours' };

/** What was applied within a span of time, as charts. */
export function activitySection(view: string, span: Span, intervals: readonly Interval[]): Html {
  const sum = (of: (each: Interval) => number) => intervals.reduce((total, each) => total + of(each), 0);
  const links = html`<nav class="spans" aria-label="Span of the charts">${Object.entries(SPANS).map(
    ([each, label]) =>
      html`<a href="${viewAddress(view)}?span=${each}#activity"${each === span ? html` aria-current="true"` : ''}>${label}</a>`,
  )}</nav>`;
  return section(
    'activity',
    `Activity in ${SPANS[span]}`,
    html`<p>${formatCount(
      sum(({ batches }) => batches),
      'batch',
      'batches',
    )} changed ${formatCount(
      sum(({ rows }) => rows),
      'row',
      'rows',
    )}; BigQuery billed ${formatBytes(sum(({ bytesBilled }) => bytesBilled))}. Each bar stands for ${LENGTHS[span]}.</p>
<div class="charts">${charts(intervals)}</div>`,
    links,
  );
}

function charts(intervals: readonly Interval[]): Html[] {
  const times = intervals.map(({ at }) => at);
  const of = (label: string, value: (each: Interval) => number | null) => ({
    label,
    values: intervals.map((each) => rounded(value(each))),
  });
  return [
    chart({
      title: 'Rows per batch (mean)',
      unit: 'rows',
      kind: 'stacked bars',
      times,
      series: [
        of('changed', ({ changed }) => changed),
        of('added', ({ added }) => added),
        of('deleted', ({ deleted }) => deleted),
        of('unchanged', ({ unchanged }) => unchanged),
      ],
    }),
    chart({
      title: 'Duration of a batch by phase (mean)',
      unit: 'seconds',
      kind: 'stacked bars',
      times,
      series: [
        of('capture, fetch and stage', ({ extractSeconds }) => extractSeconds),
        of('wait and apply', ({ applySeconds }) => applySeconds),
      ],
    }),
    chart({
      title: 'Lag: how late the oldest change of a batch arrived',
      unit: 'seconds',
      kind: 'bars',
      times,
      series: [
        of('longest', ({ maxLagSeconds }) => maxLagSeconds),
        of('median', ({ medianLagSeconds }) => medianLagSeconds),
      ],
    }),
    chart({
      title: 'Billed by BigQuery',
      unit: 'bytes',
      kind: 'bars',
      times,
      series: [of('billed', ({ bytesBilled }) => bytesBilled)],
    }),
  ];
}

/** To a tenth: the table below a chart shows the values. */
const rounded = (value: number | null): number | null =>
  value === null ? null : Math.round(value * 10) / 10;

import type { CheckEvent } from '../../../shared/events/reconcile-event.ts';
import { stopReason } from '../../../shared/model/view-source.ts';
import { formatBytes, formatNumber, showTime } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import type { Action, Preview, Subject } from './action.ts';
import type { Field, Values } from './field.ts';
import { tryPreview } from './try-preview.ts';

const WHAT: readonly Field[] = [
  {
    name: 'mode',
    label: 'Compare',
    kind: 'choice',
    choices: [
      ['full', 'every column of every row'],
      ['keys', 'keys only'],
      ['since', 'rows that changed lately'],
    ],
  },
  { name: 'since', label: 'Days, for rows that changed lately', kind: 'number', min: 1, max: 3650 },
];

const consistencyPage = (view: string): string => `/consistency?${new URLSearchParams({ view })}`;

/** Compares a view with its target. */
export const RECONCILE: Action = {
  path: 'reconcile',
  title: 'Reconcile',
  about: 'Compares the view with its target, row by row, and changes nothing.',
  button: 'Compare',
  runsIn: 'admin',
  input: WHAT,
  payload: (subject, values) => payloadOf(subject, values, false),
  preview: (subject, values) => previewOf(subject, values, []),
  done: (view, result) => doneOf(view, result),
  effect: consistencyPage,
};

/** Compares a view with its target, and repairs what differs. */
export const REPAIR: Action = {
  path: 'repair',
  title: 'Repair',
  about: 'Compares the view with its target, and brings the rows that differ again.',
  button: 'Compare and repair',
  runsIn: 'admin',
  input: WHAT,
  payload: (subject, values) => payloadOf(subject, values, true),
  async preview(subject, values) {
    const share = Math.round(subject.source.maxRepairedShare * 100);
    return await previewOf(subject, values, [
      'The next batch fetches every row that differs, whatever the log says; then these rows are compared again.',
      `If more than ${share} % of the rows differ, nothing is repaired, and a resync is advised.`,
    ]);
  },
  done: (view, result) => doneOf(view, result),
  effect: consistencyPage,
};

const payloadOf = ({ source }: Subject, values: Values, repair: boolean): Record<string, unknown> => ({
  view: source.name,
  reconcile: true,
  ...whatOf(values),
  repair,
});

function whatOf({ mode, since }: Values): Pick<CheckEvent, 'mode' | 'since'> {
  if (mode === 'since') return { since: Number(since ?? 1) };
  return mode === 'keys' || mode === 'full' ? { mode } : {};
}

const doneOf = (view: string, { outcome, reason }: Readonly<Record<string, unknown>>): string =>
  outcome === 'skipped'
    ? `${view} is not compared: it is ${reason}.`
    : `A check of ${view} is requested. It appears here when it has begun.`;

async function previewOf(subject: Subject, values: Values, more: readonly string[]): Promise<Preview> {
  const { mode, since } = values;
  const { source, status, dependencies } = subject;
  const refused = await whyNot(subject);
  if (refused !== null) return { sentences: [], refused };
  const { found, instead } = await tryPreview(
    async () => {
      const { forecastCheck } = await import('../../../shared/operations/forecast-check.ts');
      return await forecastCheck({ command: 'check', view: source.name, ...whatOf(values) }, dependencies);
    },
    { isNeeded: false },
  );
  if (found?.would.startsWith('refuse')) return { sentences: [], refused: `The check would ${found.would}.` };
  return {
    sentences: [
      mode === 'since'
        ? `Rows that changed within ${since ?? '1'} days are compared.`
        : `${mode === 'keys' ? 'The keys' : 'All columns'} of all rows are compared, each side in one snapshot.`,
      ...(found === null ? [] : [`The check would ${found.would}.`]),
      ...more,
      lastCheckOf(status),
    ],
    counts:
      found === null
        ? []
        : [
            [
              mode === 'since' ? 'Rows that changed' : 'Rows in the source, about',
              formatNumber(found.sourceRows),
            ],
            ['BigQuery reads', formatBytes(found.bytes)],
          ],
    ...instead,
  };
}

async function whyNot({ source, status, dependencies }: Subject): Promise<string | null> {
  const stopped = stopReason(source);
  if (stopped !== null) return `The view is ${stopped}.`;
  if (status.runningCheck !== null) {
    return `Check ${status.runningCheck.check} of the view has not ended. A view has one check at a time.`;
  }
  if (status.resyncRequested) return 'A resync is requested: compare the view after it.';
  if (status.state === 'over budget') return 'The view is over its budget.';
  const isLoaded = (await dependencies.control.checkpoints.read(source.name)) !== null;
  return isLoaded ? null : 'The view is not loaded yet.';
}

function lastCheckOf({ lastCheck }: Subject['status']) {
  if (lastCheck === null) return 'The view was not compared before.';
  const { isConsistent, endedAt, missing, extra, different, duplicates, repaired } = lastCheck;
  if (isConsistent === null)
    return html`The last check (${showTime(endedAt)}) found no answer: ${lastCheck.why}`;
  const rows = [
    [missing, 'missing'],
    [extra, 'extra'],
    [different, 'different'],
    [duplicates, 'duplicate'],
  ].flatMap(([count = '0', word]) => (count === '0' ? [] : [`${formatNumber(count)} ${word}`]));
  const found =
    rows.length === 0 ? 'no differences' : `${rows.join(', ')} (${formatNumber(repaired)} repaired)`;
  return html`The last check (${showTime(endedAt)}) found ${found}.`;
}

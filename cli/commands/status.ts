import type { OpenFailure, ViewStatus } from '../../shared/control/status.ts';
import type { Attention } from '../../shared/operations/attention.ts';
import { viewState } from '../../shared/operations/view-state.ts';
import { withWatch } from '../arguments.ts';
import { ask } from '../ask.ts';
import { EXIT } from '../command-error.ts';
import { defineCommand } from '../define-command.ts';
import { ago, CHANGES_LEGEND, changes, formatCount, formatNumber, formatSeconds } from '../output/amounts.ts';
import { paragraph, renderTable } from '../output/table.ts';
import { badge, faint, NONE, oneLine } from '../output/text.ts';
import { viewFacts } from '../output/view-facts.ts';
import { show } from '../watch.ts';

/** What `{"status":true}` answers. */
type Answer = {
  views: ViewStatus[];
  attention: Attention[];
  lagWarningSeconds: number;
  failures: OpenFailure[];
  failuresInAll: number;
};

export default defineCommand({
  command: 'status [view]',
  describe: 'Show the views, and what needs attention',
  examples: [
    ['status', 'all views'],
    ['status pmr_project --watch', 'one view, every two seconds'],
    ['status --json', 'for a script; exit code 3 if a view needs attention'],
  ],
  builder: (parser) => withWatch(parser.positional('view', { type: 'string' })),
  run: ({ view, json, watch }, installation) =>
    show({ json, watch }, async () => {
      const answer = await ask<Answer>(installation, { status: true, view });
      const needsAttention = answer.attention.length > 0;
      return {
        answer,
        lines: () => linesOf(answer, view),
        ...(needsAttention && { exitCode: EXIT.needsAttention }),
      };
    }),
});

const COLUMNS = [
  { title: 'VIEW', wraps: 24 },
  { title: 'STATE' },
  { title: 'BEHIND', align: 'right' },
  { title: 'BATCH', wraps: 12 },
  { title: 'CHANGES', wraps: 9 },
  { title: 'ROWS', align: 'right' },
  { title: 'CHECK', wraps: 12 },
] as const;

function linesOf({ views, attention, lagWarningSeconds, failuresInAll }: Answer, view?: string): string[] {
  if (views.length === 0) return ['No view source is imported yet: datahub views import FILE'];
  const rows = views.map((status) => {
    const { tone, word } = viewState(status, lagWarningSeconds);
    return [
      oneLine(status.view),
      badge(tone, word),
      formatSeconds(status.behindSeconds),
      batchOf(status),
      status.lastApplied === null ? NONE : changes(status.lastApplied),
      rowsOf(status),
      checkOf(status),
    ];
  });
  const [only] = views;
  return [
    ...renderTable(COLUMNS, rows),
    faint(`CHANGES of the last batch: ${CHANGES_LEGEND}`),
    ...(view !== undefined && only !== undefined ? ['', ...viewFacts(only)] : []),
    ...attention.flatMap((each) => ['', ...attentionLines(each)]),
    ...(failuresInAll === 0 ? [] : ['', failuresLine(failuresInAll, view)]),
  ];
}

function batchOf({ inFlight, lastApplied }: ViewStatus): string {
  if (inFlight?.copy)
    return `${inFlight.etlTransactionId} ${inFlight.copy.slicesDone}/${inFlight.copy.slices} copied`;
  if (inFlight !== null) return `${inFlight.etlTransactionId} ${inFlight.state}`;
  return lastApplied === null ? NONE : `${lastApplied.etlTransactionId}, ${ago(lastApplied.appliedAt)}`;
}

function rowsOf({ rows }: ViewStatus): string {
  if (rows === null) return NONE;
  const source = formatNumber(rows.source);
  return rows.target === null || rows.target === rows.source
    ? source
    : `${source} ≠ ${formatNumber(rows.target)}`;
}

function checkOf({ runningCheck, lastCheck }: ViewStatus): string {
  if (runningCheck !== null) return badge('busy', runningCheck.state);
  if (lastCheck === null) return NONE;
  if (lastCheck.isConsistent === null) return badge('warning', 'failed');
  return lastCheck.isConsistent ? badge('good', `equal ${ago(lastCheck.endedAt)}`) : badge('bad', 'differs');
}

const HELP: Record<Attention['action'], (view: string) => string> = {
  redrive: (view) => `when its cause is mended: datahub redrive ${view}`,
  run: (view) => `to try again now: datahub run ${view}`,
  'accept-cost': (view) =>
    `to let it go on today, send {"view":"${view}","acceptCost":true} (docs/operations.md#payloads)`,
  resync: (view) => `to load it again: datahub resync ${view}`,
  repair: (view) => `to repair it: datahub reconcile ${view} --repair`,
};

function attentionLines({ view, tone, what, why, action }: Attention): string[] {
  return [
    ...paragraph(badge(tone, oneLine(`${view} ${what}${why === null ? '' : `: ${why}`}`))),
    ...paragraph(oneLine(HELP[action](view)), '  '),
  ];
}

const failuresLine = (count: number, view: string | undefined): string =>
  `${badge('bad', formatCount(count, 'open failure', 'open failures'))}: datahub failures${view === undefined ? '' : ` ${oneLine(view)}`}`;

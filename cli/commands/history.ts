import { KINDS } from '../../shared/model/batch.ts';
import type { State } from '../../shared/model/batch-states.ts';
import { NEXT } from '../../shared/model/batch-states.ts';
import { BATCH_TONES } from '../../shared/model/tone.ts';
import type { HistoryEntry } from '../../shared/operations/history.ts';
import { withWatch } from '../arguments.ts';
import { ask } from '../ask.ts';
import { UsageError } from '../command-error.ts';
import { defineCommand } from '../define-command.ts';
import { CHANGES_LEGEND, changes, formatNumber, formatSeconds, shortTime } from '../output/amounts.ts';
import { paragraph, renderTable } from '../output/table.ts';
import { badge, faint, NONE, oneLine } from '../output/text.ts';
import { show } from '../watch.ts';

/** What `{"history":true}` answers. */
type Answer = { batches: HistoryEntry[]; older: string | null };

const MAX_LIMIT = 1000;

export default defineCommand({
  command: 'history [view]',
  describe: 'Show the latest batches',
  examples: [
    ['history', 'the newest batches of all views'],
    ['history pmr_project --state failed --limit 5', 'failed batches of one view'],
    ['history --before 1764400000123456-42', 'older ones, from the last line of the page before'],
  ],
  builder: (parser) =>
    withWatch(
      parser
        .positional('view', { type: 'string' })
        .option('limit', {
          alias: 'n',
          type: 'number',
          default: 20,
          requiresArg: true,
          describe: `Batches, at most (1 to ${MAX_LIMIT})`,
        })
        .check(({ limit }) => {
          if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return true;
          throw new UsageError(`--limit must be a whole number from 1 to ${MAX_LIMIT}.`);
        })
        .option('state', {
          choices: ['in flight', ...(Object.keys(NEXT) as State[])] as const,
          describe: 'Only those in this state',
        })
        .option('kind', { choices: KINDS, describe: 'Only those of this kind' })
        .option('before', { type: 'string', requiresArg: true, describe: 'Go on with older ones' }),
    ),
  run: ({ view, limit, state, kind, before, json, watch }, installation) =>
    show({ json, watch }, async () => {
      const answer = await ask<Answer>(installation, { history: true, view, limit, state, kind, before });
      return { answer, lines: () => linesOf(answer) };
    }),
});

const COLUMNS = [
  { title: 'BATCH', align: 'right' },
  { title: 'VIEW', wraps: 24 },
  { title: 'KIND' },
  { title: 'STATE' },
  { title: 'STARTED' },
  { title: 'TOOK', align: 'right' },
  { title: 'CHANGES', wraps: 9 },
  { title: 'LAG', align: 'right' },
] as const;

function linesOf({ batches, older }: Answer): string[] {
  if (batches.length === 0) return ['There is no such batch.'];
  const rows = batches.map((batch) => [
    batch.etlTransactionId,
    oneLine(batch.view),
    batch.kind,
    badge(
      BATCH_TONES[batch.state],
      batch.attempt > 1 ? `${batch.state} (attempt ${batch.attempt})` : batch.state,
    ),
    shortTime(batch.startedAt),
    formatSeconds(batch.durationSeconds),
    changedBy(batch),
    batch.lagSeconds === null ? NONE : formatSeconds(batch.lagSeconds),
  ]);
  const errors = batches.flatMap(({ etlTransactionId, error }) =>
    error === null ? [] : paragraph(oneLine(`batch ${etlTransactionId}: ${error}`)),
  );
  return [
    ...renderTable(COLUMNS, rows),
    faint(CHANGES_LEGEND),
    ...(errors.length === 0 ? [] : ['', ...errors]),
    ...(older === null ? [] : [faint(`There are older ones: --before ${older}`)]),
  ];
}

/** Before it is applied, what it carries. */
function changedBy(batch: HistoryEntry): string {
  if (batch.added !== null) return changes(batch);
  if (batch.stagedUpserts === null) return NONE;
  return `${formatNumber(batch.stagedUpserts)} upserts, ${formatNumber(batch.stagedDeletes ?? '0')} deletes`;
}

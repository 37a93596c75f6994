import type { StoredCheckpoint } from '../../../shared/control/checkpoints.ts';
import { coverageOf, type IdRange } from '../../../shared/model/checkpoint-coverage.ts';
import type { Part } from '../../../shared/operations/read-part.ts';
import type { OldestTransaction } from '../../../shared/source/oldest-transaction.ts';
import { formatNumber, formatSeconds, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { empty, facts, section } from '../ui/section.ts';

const MAX_HOLES = 5;

/** What the checkpoint of the view covers, in words. */
export function checkpointSection(
  stored: StoredCheckpoint | null,
  oldest: Part<OldestTransaction | null>,
): Html {
  const title = 'Checkpoint';
  if (stored === null) {
    return section(
      'checkpoint',
      title,
      empty('There is no checkpoint yet: the first load sets it when it is applied.'),
    );
  }
  const { checkpoint, floorMovedAt, etlTransactionId, maxLogRows } = stored;
  const { coveredTo, floorId, holes, holeIds, openSince } = coverageOf(checkpoint);
  return section(
    'checkpoint',
    title,
    html`<p>${sentence(holes.length, openSince)}</p>
${facts(
  [
    ['Covered up to', html`log row ${formatNumber(coveredTo)}`],
    ['Complete up to (floor)', html`log row ${formatNumber(floorId)}, since ${showTime(floorMovedAt)}`],
    [
      'Open holes',
      holes.length === 0
        ? 'none'
        : html`${formatNumber(holes.length)} with ${formatNumber(holeIds)} ids: ${holes.slice(0, MAX_HOLES).map(showRange).join(', ')}${holes.length > MAX_HOLES ? ' …' : ''}`,
    ],
    ['Waits for transactions older than', openSince === null ? 'none' : showTime(openSince)],
    ['Oldest open transaction of the source', openTransaction(oldest)],
    [
      'Last applied batch',
      etlTransactionId === null
        ? 'none'
        : html`<a href="/transactions/${String(etlTransactionId)}">batch ${String(etlTransactionId)}</a>`,
    ],
    [
      'Limit of the next batch',
      maxLogRows === null ? null : `${formatNumber(maxLogRows)} log rows, since a larger batch was too slow`,
    ],
  ],
  'lines',
)}`,
  );
}

/** What holes and open transactions mean. */
function sentence(holes: number, openSince: Date | null): string {
  const covered = 'Every log row that was visible to the last capture is in the target.';
  if (holes === 0 && openSince === null) return covered;
  const wait =
    'PostgreSQL draws the id of a log row before its transaction commits, so a row may still appear below the highest id that is covered';
  if (holes === 0)
    return `${covered} ${wait}: the view watches for it until all transactions of that time have ended.`;
  return `${covered} ${wait}: in one of the open holes, which are ids of transactions that were rolled back or have not ended. Each capture looks into them again, so no change is lost; a hole closes when all transactions of its time have ended.`;
}

const showRange = ({ from, to }: IdRange): string =>
  from === to ? formatNumber(from) : `${formatNumber(from)}–${formatNumber(to)}`;

function openTransaction({ value, error }: Part<OldestTransaction | null>): Html | string {
  if (error !== undefined) return `not known: ${error.message}`;
  if (value === null) return 'none that writes';
  const { pid, ageSeconds, ageTransactions, state } = value;
  const who = pid === null ? 'a prepared transaction' : `process ${pid}`;
  const age =
    ageSeconds === null
      ? `${formatNumber(ageTransactions)} transactions old`
      : `since ${formatSeconds(ageSeconds)}`;
  return `${who}, ${age}${state === null ? '' : ` (${state})`}. One that stays open keeps holes open; captures then read more of the log.`;
}

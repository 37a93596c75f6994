import type { ViewStatus } from '../../shared/control/status.ts';
import { ago, formatBytes, formatCopy, formatCount, formatNumber, localTime } from './amounts.ts';
import { paragraph } from './table.ts';
import { bold, oneLine } from './text.ts';

/** What is known of one view, besides its row in the table. */
export function viewFacts(status: ViewStatus): string[] {
  const { inFlight, lastApplied, lastDay, lastCheck, paused, halted, cost, dailyBudgetBytes } = status;
  const today = cost[0];
  const facts: [name: string, value: string | null][] = [
    ['Load type', status.loadType],
    ['Halted', halted === null ? null : `${since(halted)}: ${halted.why ?? 'no reason is known'}`],
    [
      'Paused',
      paused === null
        ? null
        : `${since(paused)}: ${paused.why ?? 'no reason was given'}${paused.until === null ? '' : `; until ${localTime(paused.until)}`}`,
    ],
    ['Last error', status.lastError],
    ['Advice', status.lastErrorAdvice],
    ['Next attempt', status.nextAttempt === null ? null : localTime(status.nextAttempt)],
    [
      'In flight',
      inFlight === null
        ? null
        : `batch ${inFlight.etlTransactionId} (${inFlight.kind}), ${inFlight.state}, attempt ${inFlight.attempt}, since ${localTime(inFlight.since)}`,
    ],
    ['Copied', inFlight?.copy ? formatCopy(inFlight.copy) : null],
    [
      'Last batch',
      lastApplied === null
        ? null
        : `${lastApplied.etlTransactionId} (${lastApplied.kind}), applied ${ago(lastApplied.appliedAt)}, took ${lastApplied.durationSeconds} s`,
    ],
    [
      'Last 24 hours',
      `${formatCount(lastDay.batches, 'batch', 'batches')}, ${formatCount(lastDay.rows, 'row', 'rows')} changed, ${formatNumber(lastDay.unchanged)} equal already`,
    ],
    ['Resync', status.resyncRequested ? 'the next batch carries the whole view' : null],
    ['Resync advised', status.resyncAdvised],
    ['Queued keys', status.queuedKeys === 0 ? null : formatNumber(status.queuedKeys)],
    ['Bad keys', status.badKeys === '0' ? null : formatNumber(status.badKeys)],
    [
      'Billed',
      today === undefined
        ? null
        : `${formatBytes(today.bytesBilled)} on ${today.day} (UTC)${dailyBudgetBytes === null ? '' : ` of ${formatBytes(dailyBudgetBytes)}`}`,
    ],
    [
      'Last check',
      lastCheck === null
        ? null
        : `${lastCheck.check} (${lastCheck.mode}), ended ${ago(lastCheck.endedAt)}: missing ${lastCheck.missing}, extra ${lastCheck.extra}, different ${lastCheck.different}, duplicates ${lastCheck.duplicates}, repaired ${lastCheck.repaired}`,
    ],
    ['Why', lastCheck?.why ?? null],
  ];
  return factLines(facts);
}

/** Names with their values; one without a value is left out. */
export function factLines(facts: readonly (readonly [name: string, value: string | null])[]): string[] {
  const given = facts.filter((fact): fact is readonly [string, string] => fact[1] !== null);
  const width = Math.max(...given.map(([name]) => name.length));
  return given.flatMap(([name, value]) => {
    const [first = '', ...rest] = paragraph(oneLine(value), ' '.repeat(width + 2));
    return [`${bold(name)}${' '.repeat(width + 2 - name.length)}${first.trimStart()}`, ...rest];
  });
}

const since = ({ since: at, by }: { since: string | null; by: string | null }): string =>
  [at === null ? 'at an unknown time' : `since ${localTime(at)}`, by === null ? '' : `by ${by}`]
    .filter(Boolean)
    .join(' ');

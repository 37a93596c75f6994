import type { TransactionDetail } from '../../../shared/control/transaction-detail.ts';

/** A part of a transaction's life. It has no end while it goes on. */
export type Phase = { name: string; startedAt: Date; endedAt: Date | null };

type Times = Pick<
  TransactionDetail,
  'state' | 'startedAt' | 'stagedAt' | 'streamedAt' | 'appliedAt' | 'endedAt'
>;

/** The phases, in order, as far as the recorded times tell them apart: nothing says when a batch stopped waiting for the function that applies it. */
export function phasesOf({ state, startedAt, stagedAt, streamedAt, appliedAt, endedAt }: Times): Phase[] {
  const phases: Phase[] = [
    { name: 'Extracting: capture, copy, load', startedAt, endedAt: stagedAt ?? endedAt },
  ];
  if (stagedAt === null) return phases;
  const end = appliedAt ?? endedAt;
  if (streamedAt === null) {
    const name = state === 'staged' ? 'Staged: waits to be applied' : 'Staged and applying';
    return [...phases, { name, startedAt: stagedAt, endedAt: end }];
  }
  return [
    ...phases,
    { name: 'Staged and streaming', startedAt: stagedAt, endedAt: streamedAt },
    { name: 'Deleting what the view has not', startedAt: streamedAt, endedAt: end },
  ];
}

import type { Control } from '../../shared/control/control.ts';
import {
  type ClassCounts,
  type ConsistencyCheck,
  countClasses,
  type Difference,
  type DifferenceKind,
} from '../../shared/model/consistency.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { runName } from './compared.ts';
import type { LeasedCheck } from './leased-check.ts';

export type CheckEnd = {
  /** Consistent: both sides are equal now, whatever was found and repaired before. */
  outcome: 'consistent' | 'differences found';
  view: string;
  check: string;
  repaired: number;
  /** Why the rows differ (docs/operations.md#why-rows-differ), as far as they were looked at one by one. */
  classes: ClassCounts;
  /** Why what was found is not repaired. */
  why?: string;
  advice?: string;
} & Record<DifferenceKind, number>;

export type CheckFindings = {
  /** The rows that differed. */
  differences: readonly Difference[];
  counts: Record<DifferenceKind, number>;
  /** How many differ still. */
  left: number;
  report?: string;
  why?: string;
  advice?: string;
};

/** Ends a check without an answer, and logs why. */
export async function fail(
  { check, lease }: Pick<LeasedCheck, 'check' | 'lease'>,
  why: string,
  { control, log }: Pick<Dependencies, 'control' | 'log'>,
): Promise<void> {
  const bytesBilled = await billedFor(check, control);
  await control.consistencyChecks.fail(lease, check, { why, bytesBilled });
  log.warn({ view: check.view, check: String(check.id), mode: check.mode, why, bytesBilled }, 'check failed');
}

/** What BigQuery billed for the queries of a check so far, whichever call ran them. */
const billedFor = (check: ConsistencyCheck, control: Control): Promise<bigint> =>
  control.jobUsage.billedBy(check.view, `_${runName(check, '')}`, check.startedAt);

/** Records the result of a check, and logs it. */
export async function finish(
  { check, lease }: LeasedCheck,
  { differences, counts, left, report, why, advice }: CheckFindings,
  { clock, control, log }: Dependencies,
): Promise<CheckEnd> {
  const isConsistent = left === 0;
  const repaired = differences.filter(({ isRepaired }) => isRepaired).length;
  const bytesBilled = await billedFor(check, control);
  await control.consistencyChecks.finish(lease, check, {
    ...{ differences, counts, repaired, isConsistent, bytesBilled },
    report: report ?? null,
    error: why ?? null,
  });
  const end = {
    ...{ view: check.view, check: String(check.id), ...counts, repaired },
    classes: countClasses(differences),
    ...(why !== undefined && { why }),
    ...(advice !== undefined && { advice }),
  };
  const line = {
    ...end,
    differences: Object.values(counts).reduce((sum, count) => sum + count, 0),
    mode: check.mode,
    bytesBilled,
    durationMs: clock.nowMs() - check.startedAt.getTime(),
  };
  if (isConsistent) log.info(line, 'view and target are equal');
  else log.error(line, 'view and target differ');
  return { outcome: isConsistent ? 'consistent' : 'differences found', ...end };
}

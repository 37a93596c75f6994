import { isRepairable } from '../../shared/control/consistency-checks.ts';
import type { Difference } from '../../shared/model/consistency.ts';
import { adviseResync } from './advise.ts';
import type { LeasedCheck } from './leased-check.ts';

/** A check may repair this many rows without regard to their share. */
const ALWAYS_ALLOWED_ROWS = 100;

/** Why a check repairs nothing, with advice if a person must do something; null if it repairs. */
export function whyNotRepaired(
  { check, viewSource }: Pick<LeasedCheck, 'check' | 'viewSource'>,
  differences: readonly Difference[],
): { why?: string; advice?: string } | null {
  const view = JSON.stringify(check.view);
  const repairable = differences.filter(isRepairable).length;
  if (!check.repairs) {
    if (repairable === 0) return {};
    return { advice: `To repair them, send {"view":${view},"reconcile":true,"repair":true} to extract.` };
  }
  if (repairable === 0) return {};
  const allowed = viewSource.maxRepairedShare * Number(check.sourceRows ?? 0n);
  if (repairable <= ALWAYS_ALLOWED_ROWS || repairable <= allowed) return null;
  return {
    why: `${repairable} rows differ, more than the share of ${viewSource.maxRepairedShare} in max_repaired_share`,
    advice: adviseResync({ check }),
  };
}

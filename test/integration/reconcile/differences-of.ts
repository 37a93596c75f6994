import type { CheckViewResult } from '../../../functions/reconcile/check-view.ts';
import type { DifferenceKind } from '../../../shared/model/consistency.ts';
import type { Installation } from '../../support/installation.ts';

export type FoundDifference = { key: string; kind: DifferenceKind; columns: string[] };

/** The rows that a check recorded as different. */
export async function differencesOf(on: Installation, result: CheckViewResult): Promise<FoundDifference[]> {
  const check = 'check' in result ? result.check : null;
  const { rows } = await on.control.query(
    'select key, kind, columns from etl.consistency_difference where check_id = $1 order by key',
    [check],
  );
  return rows as FoundDifference[];
}

/** Those of them that the check did not repair, with their columns. */
export async function unrepaired(on: Installation, result: CheckViewResult): Promise<FoundDifference[]> {
  const check = 'check' in result ? result.check : null;
  const { rows } = await on.control.query(
    'select key, kind, columns from etl.consistency_difference where check_id = $1 and not is_repaired order by key',
    [check],
  );
  return rows as FoundDifference[];
}

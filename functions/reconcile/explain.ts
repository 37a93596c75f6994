import type { DifferenceClass } from '../../shared/model/consistency.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { LeasedCheck } from './leased-check.ts';
import type { KeyedLook } from './look-at-keys.ts';

/** Finds out why rows differ, by key. */
export async function explain(
  _leased: LeasedCheck,
  { rows }: Pick<KeyedLook, 'rows' | 'moment'>,
  _dependencies: Dependencies,
): Promise<Map<string, DifferenceClass>> {
  return new Map(rows.map(({ key }) => [key, 'unexplained']));
}

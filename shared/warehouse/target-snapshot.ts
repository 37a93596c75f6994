import type { LoadType } from '../model/columns.ts';
import type { TargetSnapshot } from '../model/target-snapshot.ts';
import type { FoundTable } from './found-table.ts';

/** What a target is like now. */
export const snapshotOf = (
  { createdAt, rows }: Pick<FoundTable, 'createdAt' | 'rows'>,
  loadType: LoadType,
): TargetSnapshot => ({ createdAt, rows: loadType === 'merge' ? rows : null });

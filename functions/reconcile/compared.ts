import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { DataHubError } from '../../shared/errors.ts';
import type { Column } from '../../shared/model/columns.ts';
import type { ComparisonPlan, ConsistencyCheck, Moment } from '../../shared/model/consistency.ts';
import { comparedColumns, describeCompared } from '../../shared/operations/describe-compared.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { type ComparedRows, readRowTextOptions } from '../../shared/source/compare-rows.ts';
import type { CheckQuery } from '../../shared/warehouse/compare-rows.ts';
import type { LeasedCheck } from './leased-check.ts';

/** What a check compares on both sides, in the snapshot of `client`. */
export async function describeComparison(
  client: pg.ClientBase,
  { check, viewSource }: Pick<LeasedCheck, 'check' | 'viewSource'>,
  buckets: number,
  dependencies: Dependencies,
): Promise<ComparedRows> {
  const view = await describeCompared(client, viewSource, dependencies);
  const options = await readRowTextOptions(client, viewSource);
  return { view, columns: comparedColumns(view, check), buckets, options };
}

/** The columns as a plan records them. */
export const describeColumns = (columns: readonly Column[]): string[] =>
  columns.map(({ name, type, mode }) => `${name} ${type} ${mode}`);

/**
 * What a check compares in a part of its first look, in the snapshot of `client`. Throws `transient` if the view has other columns than when the look began: the
 * next call begins it again.
 */
export async function describePart(
  client: pg.ClientBase,
  leased: Pick<LeasedCheck, 'check' | 'viewSource'> & { plan: ComparisonPlan },
  dependencies: Dependencies,
): Promise<ComparedRows> {
  const { plan } = leased;
  const compared = await describeComparison(client, leased, plan.buckets, dependencies);
  if (isDeepStrictEqual(describeColumns(compared.columns), plan.columns)) return compared;
  const { name } = compared.view;
  throw new DataHubError('transient', `view ${name} got other columns while it was compared`, {
    context: { view: name },
  });
}

/** A query of a check over its target. History tells what a merged target had; a streamed one is read as it is, while the view's lease is held. */
export function checkQuery(
  { check, viewSource }: Pick<LeasedCheck, 'check' | 'viewSource'>,
  { view, columns, buckets, options }: ComparedRows,
  { targetAsOf }: Pick<Moment, 'targetAsOf'>,
  step: string,
): CheckQuery {
  return {
    shape: view.shape,
    ...{ columns, buckets, window: options.window },
    asOf: viewSource.loadType === 'merge' ? targetAsOf : null,
    maxBytes: viewSource.maxCheckBytes,
    runName: runName(check, step),
  };
}

/** Names a query of a check. A restored control database may give the id of the check again. */
export const runName = (
  { id, startedAt }: Pick<ConsistencyCheck, 'id' | 'startedAt'>,
  step: string,
): string => `${id}-${startedAt.getTime()}-${step}`;

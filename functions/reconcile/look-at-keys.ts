import type { Column } from '../../shared/model/columns.ts';
import type { DifferenceKind, Moment } from '../../shared/model/consistency.ts';
import { isHashed } from '../../shared/model/row-text.ts';
import { isSameValue } from '../../shared/model/same-value.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { type ComparedRow, pendingAmong, readComparedRows } from '../../shared/source/compare-rows.ts';
import type { TargetRow } from '../../shared/warehouse/compare-rows.ts';
import { checkQuery, comparedColumns, describeCompared, runName } from './compared.ts';
import type { LeasedCheck } from './leased-check.ts';
import { atMoment } from './moment.ts';
import { findPending } from './pending.ts';

/** The texts of a row's columns by their names (`shared/model/row-text.ts`). */
export type Texts = ReadonlyMap<string, string | null>;

/** A row that differs, with what both sides have: null where the row is not. */
export type DifferentRow = {
  key: string;
  kind: DifferenceKind;
  columns: string[];
  source: Texts | null;
  target: Texts | null;
  /** The batch that last wrote the row of the target. */
  etlTransactionId: bigint | null;
};

export type KeyedLook = { rows: DifferentRow[]; pending: number; moment: Moment };

/**
 * Compares some rows column by column, at a moment of their own. Those that a log row or the queue names, and that the target need not show
 * yet, are left out: a batch is going to bring them. `step` names the look within the check.
 */
export async function lookAtKeys(
  { check, viewSource, deadline }: LeasedCheck,
  step: string,
  keys: readonly string[],
  dependencies: Dependencies,
): Promise<KeyedLook> {
  const { clock, warehouse } = dependencies;
  const named = `${step}-${clock.nowMs()}`;
  return await atMoment(viewSource, runName(check, named), deadline, dependencies, async (held) => {
    const { client, moment, release } = held;
    const view = await describeCompared(client, viewSource, dependencies);
    const { targetAsOf } = moment;
    const query = checkQuery(check, viewSource, view, { buckets: 1, targetAsOf, step: named });
    if (viewSource.loadType === 'merge') await release();
    const copies = await warehouse.readComparedRows(query, keys, deadline);
    await release();
    await findPending(client, view, moment, dependencies);
    const columns = comparedColumns(view, check);
    const rows = await readComparedRows(client, { view, columns }, keys);
    const pending = await pendingAmong(client, view, keys);
    const [here, there] = [byKey(rows), byKey(copies)];
    const different = keys
      .filter((key) => !pending.has(key))
      .flatMap((key) => compareRow(key, here.get(key) ?? [], there.get(key) ?? [], view.shape.columns));
    return { rows: different, pending: pending.size, moment };
  });
}

function byKey<Row extends { key: string }>(rows: readonly Row[]): Map<string, Row[]> {
  return Map.groupBy(rows, ({ key }) => key);
}

/** Returns the difference, or nothing if the row is the same on both sides. */
export function compareRow(
  key: string,
  sources: readonly ComparedRow[],
  targets: readonly TargetRow[],
  columns: readonly Column[],
): DifferentRow[] {
  const [source, target] = [sources[0], targets[0]];
  const row = {
    key,
    source: source?.texts ?? null,
    target: target?.texts ?? null,
    etlTransactionId: target?.etlTransactionId ?? null,
    columns: [],
  };
  if (sources.length > 1 || targets.length > 1) return [{ ...row, kind: 'duplicate' }];
  if (source === undefined) return target === undefined ? [] : [{ ...row, kind: 'extra' }];
  if (target === undefined) return [{ ...row, kind: 'missing' }];
  const differing = columns.filter((column) => {
    const [left, right] = [source.texts.get(column.name) ?? null, target.texts.get(column.name) ?? null];
    if (!source.texts.has(column.name)) return false;
    return isHashed(column) ? left !== right : !isSameValue(column.type, left, right);
  });
  return differing.length === 0
    ? []
    : [{ ...row, kind: 'different', columns: differing.map(({ name }) => name) }];
}

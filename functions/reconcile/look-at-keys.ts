import type { Column } from '../../shared/model/columns.ts';
import type { DifferenceKind, Moment } from '../../shared/model/consistency.ts';
import { differingColumns } from '../../shared/model/differing-columns.ts';
import { definitionChange } from '../../shared/model/view-fingerprint.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { type ComparedRow, readComparedRows } from '../../shared/source/compare-rows.ts';
import { impossibleKeysAmong } from '../../shared/source/key-type.ts';
import { pendingAmong } from '../../shared/source/pending-keys.ts';
import { fingerprintView } from '../../shared/source/view-fingerprint.ts';
import type { TargetRow } from '../../shared/warehouse/compare-rows.ts';
import { checkQuery, describeComparison, runName } from './compared.ts';
import type { LeasedCheck } from './leased-check.ts';
import { atMoment } from './moment.ts';
import { findPending } from './pending.ts';

/** A row that differs, with the JSON of its columns on both sides: null where the row is not. */
export type DifferentRow = {
  key: string;
  kind: DifferenceKind;
  columns: string[];
  /** Whether the side has several rows with the key. `source` and `target` have one of them. */
  repeats: { source: boolean; target: boolean };
  /** Whether no row of the view can have the key, so that no batch can delete the row of the target. */
  isImpossible: boolean;
  source: Values | null;
  target: Values | null;
  /** The batch that last wrote the row of the target. */
  etlTransactionId: bigint | null;
};

/** Values as JSON, by column. */
export type Values = Record<string, string | null>;

/** `pending` are the keys of which it is not known. */
export type KeyedLook = {
  rows: DifferentRow[];
  pending: ReadonlySet<string>;
  moment: Moment;
  /** Whether the rows of the target were computed by another definition of the view than that of the snapshot. */
  isRedefined: boolean;
};

/**
 * Compares some rows column by column, at a moment of their own. Those that a log row or the queue names, and that the target need not show
 * yet, are left out: a batch is going to bring them. `step` names the look within the check.
 */
export async function lookAtKeys(
  leased: LeasedCheck,
  step: string,
  keys: readonly string[],
  dependencies: Dependencies,
): Promise<KeyedLook> {
  const { check, viewSource, deadline } = leased;
  const { clock, warehouse } = dependencies;
  const named = `${step}-${clock.nowMs()}`;
  return await atMoment(viewSource, runName(check, named), deadline, dependencies, async (held) => {
    const { client, moment, definition, release } = held;
    const compared = await describeComparison(client, leased, 1, dependencies);
    const { view, columns } = compared;
    const change = definitionChange(definition, await fingerprintView(client, view));
    const isRedefined = change === 'replaced' || change === 'settings';
    const query = checkQuery(leased, compared, moment, named);
    if (query.asOf !== null) await release();
    const copies = Map.groupBy(await warehouse.readComparedRows(query, keys, deadline), keyOf);
    await release();
    await findPending(held, view, dependencies);
    const rows = Map.groupBy(await readComparedRows(client, compared, keys), keyOf);
    const pending = await pendingAmong(client, view, keys);
    const different = keys
      .filter((key) => !pending.has(key))
      .flatMap((key) => compareRow(key, rows.get(key) ?? [], copies.get(key) ?? [], columns));
    const extra = different.filter(({ kind }) => kind === 'extra').map(({ key }) => key);
    const impossible = await impossibleKeysAmong(client, view.keyType, extra);
    const found = different.map((row) => ({ ...row, isImpossible: impossible.has(row.key) }));
    return { rows: found, pending, moment, isRedefined };
  });
}

const keyOf = ({ key }: { key: string }): string => key;

/** Returns the difference, or nothing if the row is the same on both sides. Whether its key is possible, only the source can tell. */
export function compareRow(
  key: string,
  sources: readonly ComparedRow[],
  targets: readonly TargetRow[],
  columns: readonly Column[],
): Omit<DifferentRow, 'isImpossible'>[] {
  const [source, target] = [sources[0], targets[0]];
  const valuesOf = (side: ComparedRow | undefined): Values | null =>
    side === undefined
      ? null
      : Object.fromEntries(columns.map(({ name }, i) => [name, side.values[i] ?? null]));
  const row = {
    key,
    source: valuesOf(source),
    target: valuesOf(target),
    etlTransactionId: target?.etlTransactionId ?? null,
    columns: [],
    repeats: { source: sources.length > 1, target: targets.length > 1 },
  };
  if (row.repeats.source || row.repeats.target) return [{ ...row, kind: 'duplicate' }];
  if (source === undefined) return target === undefined ? [] : [{ ...row, kind: 'extra' }];
  if (target === undefined) return [{ ...row, kind: 'missing' }];
  const differing = differingColumns(source, target, columns);
  return differing.length === 0 ? [] : [{ ...row, kind: 'different', columns: differing }];
}

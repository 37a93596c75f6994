import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { Config } from '../../shared/config/config.ts';
import type { EtlTransaction } from '../../shared/model/batch.ts';
import { MAX_LOADED_OBJECTS } from '../../shared/model/load-limits.ts';
import { type Slice, WHOLE } from '../../shared/model/slice.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { rowsOf, upsertsStatement } from '../../shared/source/fetch.ts';
import { estimateSize, planSlices } from '../../shared/source/plan-slices.ts';
import { formatsOf } from './formats-of.ts';

/** A load job takes MAX_LOADED_OBJECTS; each slice has at least one, and about as many come from the size of the table. */
export const MOST_SLICES = MAX_LOADED_OBJECTS / 2;
export const MOST_PARTS = MAX_LOADED_OBJECTS / 4;
export const MAX_PART_BYTES = 4_000_000_000;

/**
 * The slices in which a whole view is copied: one for each `SLICE_ROWS` rows of a large table. A view that computes most of its rows
 * for each slice, for example one that groups them, has only as many as are copied at once.
 */
export async function planCopy(
  client: pg.ClientBase,
  view: SourceView,
  { sliceRows, maxSlices }: Pick<Config, 'sliceRows' | 'maxSlices'>,
): Promise<Slice[]> {
  const slices = await planSlices(client, view, { sliceRows, maxSlices: MOST_SLICES });
  if (slices.length <= maxSlices) return slices;
  const middle = slices[Math.floor(slices.length / 2)] ?? WHOLE;
  const isCheap = (await costOf(client, view, middle)) * maxSlices <= (await costOf(client, view, WHOLE));
  return isCheap ? slices : await planSlices(client, view, { sliceRows, maxSlices });
}

/** The size of the objects of a view that is copied in slices: larger than usual for one that would have too many. */
export async function partBytesOf(
  client: pg.ClientBase,
  view: SourceView,
  { maxPartBytes }: Pick<Config, 'maxPartBytes'>,
): Promise<number> {
  const { bytes } = await estimateSize(client, view);
  return Math.max(maxPartBytes, Math.min(MAX_PART_BYTES, Math.ceil(bytes / MOST_PARTS)));
}

/** What PostgreSQL's planner expects of a slice, in its own units. */
async function costOf(client: pg.ClientBase, view: SourceView, slice: Slice): Promise<number> {
  const rows = rowsOf(view, { kind: 'slice', slice, isDirectLoad: false });
  const { rows: plans } = await client.query(`explain (format json) select v.* from ${rows}`);
  const [{ Plan: plan }] = plans[0]['QUERY PLAN'] as [{ Plan: { 'Total Cost': number } }];
  return plan['Total Cost'];
}

/** A hash of what the rows of a view depend on besides its definition: equal for slices that may be in one batch. */
export function copyFingerprint(
  view: SourceView,
  { unrepresentable, nullDefaults, nullArrays, datetimeColumns }: ViewSource,
  batch: Pick<EtlTransaction, 'id' | 'startedAt' | 'isDirectLoad'>,
): string {
  const statement = upsertsStatement(view, { kind: 'slice', slice: WHOLE, isDirectLoad: batch.isDirectLoad });
  // A later release may write another form of a format.
  const formats = formatsOf(view, batch).map(({ name, codec, descriptor }) => ({ name, codec, descriptor }));
  const rules = { unrepresentable, nullDefaults, nullArrays, datetimeColumns };
  return createHash('sha256')
    .update(JSON.stringify([view.shape, statement, formats, rules]))
    .digest('hex');
}

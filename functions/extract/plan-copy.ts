import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { Config } from '../../shared/config/config.ts';
import { type Slice, WHOLE } from '../../shared/model/slice.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { rowsOf, upsertsStatement } from '../../shared/source/fetch.ts';
import { planSlices } from '../../shared/source/plan-slices.ts';

/** A load job takes 10,000 objects, and each slice has at least one. https://cloud.google.com/bigquery/quotas#load_jobs */
const MOST_SLICES = 5_000;

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
  isDirectLoad: boolean,
): string {
  const statement = upsertsStatement(view, { kind: 'slice', slice: WHOLE, isDirectLoad });
  const rules = { unrepresentable, nullDefaults, nullArrays, datetimeColumns };
  return createHash('sha256')
    .update(JSON.stringify([view.shape, statement, rules]))
    .digest('hex');
}

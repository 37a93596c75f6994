import type pg from 'pg';
import { batchStamp, directLoadStamp } from '../../../functions/extract/row-stamps.ts';
import type { RowBlock } from '../../../shared/model/column-writer.ts';
import { type CopyShape, TupleEncoder } from '../../../shared/source/decode/encode-rows.ts';
import type { SourceView } from '../../../shared/source/describe-view.ts';
import {
  copyRows,
  deleteRows,
  deletesStatement,
  type RowSet,
  upsertRows,
  upsertsStatement,
} from '../../../shared/source/fetch.ts';
import { findUnreadable, refusedValues } from '../../../shared/source/find-refused.ts';
import { type ReplacedValues, replacedByColumn } from '../../../shared/source/policy-values.ts';
import { jsonFormat } from '../../../shared/staging/format/json-format.ts';

/** The rows of batches as JSON lines, whose text shows each value. */
export type StagedRow = Record<string, unknown>;

const WHOLE: RowSet = { kind: 'slice', slice: { from: null, to: null }, isDirectLoad: false };
const BATCH = { id: 1n, startedAt: new Date('2026-01-02T03:04:05Z') };

/** The lines of a batch's upserts as the source returns them, each one JSON object. */
export async function stagedLines(
  client: pg.ClientBase,
  view: SourceView,
  rows: RowSet = WHOLE,
): Promise<string[]> {
  return (await staged(client, view, upsertRows(view, rows), upsertsStatement(view, rows), rows)).lines;
}

/** All rows of the view, and how many of its values arrive as something else. */
export const stagedWhole = (client: pg.ClientBase, view: SourceView) =>
  staged(client, view, upsertRows(view, WHOLE), upsertsStatement(view, WHOLE), WHOLE);

async function staged(
  client: pg.ClientBase,
  view: SourceView,
  copied: CopyShape,
  statement: string,
  rows: RowSet,
): Promise<{ lines: string[]; replaced: ReplacedValues }> {
  const isDirectLoad = rows.kind === 'slice' && rows.isDirectLoad;
  const stamp = isDirectLoad ? directLoadStamp(BATCH, view.shape.loadType) : batchStamp(BATCH);
  const encoder = new TupleEncoder(copied, jsonFormat(view.shape.columns, stamp).openRows(1_000_000, 0));
  const blocks = await copyRows(
    client,
    statement,
    async (chunks) => {
      const found: RowBlock[] = [];
      for await (const block of encoder.blocks(chunks)) found.push(block);
      return found;
    },
    () => findUnreadable(client, view, rows),
  );
  const refused = refusedValues(view, copied.columns, encoder.refusals);
  if (refused !== null) throw refused;
  const text = Buffer.concat(blocks.map(({ bytes }) => bytes)).toString();
  return {
    lines: text.split('\n').filter(Boolean),
    replaced: replacedByColumn(copied.columns, encoder.replaced),
  };
}

export async function stagedRows(
  client: pg.ClientBase,
  view: SourceView,
  rows: RowSet = WHOLE,
): Promise<StagedRow[]> {
  return (await stagedLines(client, view, rows)).map((line) => JSON.parse(line) as StagedRow);
}

/** The rows of a batch's deletes. */
export async function stagedDeletes(client: pg.ClientBase, view: SourceView): Promise<StagedRow[]> {
  const { lines } = await staged(client, view, deleteRows(view), deletesStatement(view), {
    kind: 'captured',
  });
  return lines.map((line) => JSON.parse(line) as StagedRow);
}

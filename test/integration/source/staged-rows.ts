import { text } from 'node:stream/consumers';
import type pg from 'pg';
import type { SourceView } from '../../../shared/source/describe-view.ts';
import { copyOut, deletesStatement, type RowSet, upsertsStatement } from '../../../shared/source/fetch.ts';
import { findRefused } from '../../../shared/source/find-refused.ts';

export type StagedRow = Record<string, unknown>;

const WHOLE: RowSet = { kind: 'slice', slice: { from: null, to: null }, isDirectLoad: false };
const BATCH = { id: 1n, startedAt: new Date('2026-01-02T03:04:05Z') };

/** The lines of a batch's upserts as the source returns them, each one JSON object. */
export async function stagedLines(
  client: pg.ClientBase,
  view: SourceView,
  rows: RowSet = WHOLE,
): Promise<string[]> {
  const lines = await copyOut(client, upsertsStatement(view, rows, BATCH), text, () =>
    findRefused(client, view, rows),
  );
  return lines.trimEnd().split('\n').filter(Boolean);
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
  const lines = await copyOut(client, deletesStatement(view, BATCH.id), text);
  return lines
    .trimEnd()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as StagedRow);
}

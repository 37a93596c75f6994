import { text } from 'node:stream/consumers';
import type pg from 'pg';
import {
  copyOut,
  deletesStatement,
  findUnrepresentable,
  type RowSet,
  upsertsStatement,
} from '../../../shared/source/fetch.ts';
import type { SourceView } from '../../../shared/source/source-view.ts';

export type StagedRow = Record<string, unknown>;

const WHOLE: RowSet = { kind: 'slice', slice: { from: null, to: null } };
const ETL_TRANSACTION_ID = 1n;

/** The lines of a batch's upserts as the source gives them out, each a JSON text. */
export async function stagedLines(
  client: pg.ClientBase,
  view: SourceView,
  rows: RowSet = WHOLE,
): Promise<string[]> {
  const lines = await copyOut(client, upsertsStatement(view, rows, ETL_TRANSACTION_ID), text, () =>
    findUnrepresentable(client, view, rows),
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

/** The lines of the captured keys that the view does not have. */
export async function stagedDeletes(client: pg.ClientBase, view: SourceView): Promise<StagedRow[]> {
  const lines = await copyOut(client, deletesStatement(view, ETL_TRANSACTION_ID), text);
  return lines
    .trimEnd()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as StagedRow);
}

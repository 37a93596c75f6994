import type pg from 'pg';
import type { DataHubError } from '../errors.ts';
import type { RowBlock, RowWriter } from '../model/column-writer.ts';
import { CapturedValue } from './decode/captured-value.ts';
import { TupleEncoder } from './decode/encode-rows.ts';
import type { SourceView } from './describe-view.ts';
import { copyRows, type RowSet, upsertRows, upsertsStatement } from './fetch.ts';
import { refusedValues } from './find-refused.ts';

/** Reads rows as a batch does, and keeps none. Returns the `bad_data` error that would stop the batch; null if nothing would. */
export async function judgeRows(
  client: pg.ClientBase,
  view: SourceView,
  rows: RowSet,
): Promise<DataHubError | null> {
  const copied = upsertRows(view, rows);
  const encoder = new TupleEncoder(copied, new NoRows(copied.columns.length));
  await copyRows(client, upsertsStatement(view, rows), async (chunks) => {
    for await (const _ of encoder.blocks(chunks));
  });
  return refusedValues(view, copied.columns, encoder.refusals);
}

/** Writes nothing. */
class NoRows implements RowWriter {
  readonly columns: readonly CapturedValue[];

  constructor(columns: number) {
    this.columns = Array.from({ length: columns }, () => new CapturedValue());
  }
  beginRow(): void {}
  mark = (): number => 0;
  rewind(): void {}
  endRow(): void {}
  dropRow(): void {}
  isFull = (): boolean => false;
  takeBlock = (): RowBlock | null => null;
}

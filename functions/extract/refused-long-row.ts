import { DataHubError } from '../../shared/errors.ts';
import { formatKey } from '../../shared/model/format-key.ts';
import { shorterRow } from '../../shared/model/resume-advice.ts';
import { MAX_COPIED_ROW_BYTES } from '../../shared/model/row-limits.ts';
import type { LongRow } from '../../shared/source/decode/encode-rows.ts';
import type { RowFormat } from '../../shared/staging/format/row-format.ts';

const MEGABYTE = 1_000_000;

/** The error for a row that is too long for the last of the formats in which a batch can be staged. */
export function refusedLongRow(
  view: string,
  { key }: LongRow,
  { name, maxRowBytes }: Pick<RowFormat, 'name' | 'maxRowBytes'>,
): DataHubError {
  const isStreamed = name === 'protobuf';
  const what = isStreamed ? 'streaming takes at most' : 'a row of a load may have at most';
  const orMerge = isStreamed
    ? `Or change the load type to merge, which takes rows of up to ${MAX_COPIED_ROW_BYTES / MEGABYTE} MB. `
    : '';
  return new DataHubError(
    'bad_data',
    `view ${view}: key ${formatKey(key)}: the row is too long; ${what} ${maxRowBytes} bytes`,
    { advice: shorterRow(view, orMerge), context: { view } },
  );
}

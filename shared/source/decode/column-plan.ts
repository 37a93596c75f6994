import type { ColumnWriter } from '../../model/column-writer.ts';
import type { Decoder } from './value-decoder.ts';

/** How a column of a COPY reaches the rows. */
export type ColumnPlan = {
  name: string;
  /** SQL for what is copied, over the view's alias `v`. */
  copied: string;
  decode: Decoder;
  /** What a value becomes that BigQuery cannot hold; under the policy `string` it is copied as text. */
  policy: 'stop' | 'null' | 'string';
  /** Writes what replaces NULL. */
  fallback: ((writer: ColumnWriter) => void) | null;
  /** Why NULL stops the batch; null if it does not. */
  nullStops: string | null;
  /** Whether NULL arrives as something else: as an empty array. */
  isNullReplaced: boolean;
  /** For the policy `string`: the value itself, copied beside its text so that what the policy replaces can be counted. */
  counted: { copied: string; decode: Decoder } | null;
};

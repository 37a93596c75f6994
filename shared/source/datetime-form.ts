import type { SourceType } from './catalog.ts';
import { asMicros, type ColumnForm, isOutside } from './column-form.ts';
import { columnForm } from './column-type.ts';
import { CapturedValue } from './decode/captured-value.ts';
import { decodeDatetimeText } from './decode/datetime-decoder.ts';
import { NOT_A_DATETIME, OUTSIDE_YEARS, outsideStreamingWindow } from './decode/reasons.ts';
import { type Decoder, decodeTimestamp } from './decode/value-decoder.ts';

const DATETIME =
  `'^ *(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])` +
  `([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?)? *$'`;

/** SQL that tells whether a text is not a valid date and time. It does not try a cast, which would fail. */
function isInvalidDatetime(text: string): string {
  const part = (from: number, length: number) => `substr(btrim(${text}), ${from}, ${length})::int`;
  const date = `make_date(${part(1, 4)}, ${part(6, 2)}, 1) + (${part(9, 2)} - 1)`;
  return `case when ${text} ~ ${DATETIME} then extract(month from ${date}) <> ${part(6, 2)} else ${text} is not null end`;
}

/**
 * The form of a column that the configuration lists in `datetime_columns`: text or timestamp in the view, read as UTC, becomes
 * TIMESTAMP. A column of another type keeps its own form.
 */
export function datetimeForm(source: SourceType): ColumnForm {
  const isText = ['text', 'varchar', 'bpchar'].includes(source.name);
  // Another type may have the same name.
  if (!source.isBuiltIn || source.isArray || !(isText || source.name === 'timestamp'))
    return columnForm(source);
  return {
    type: 'TIMESTAMP',
    isRepeated: false,
    decode: isText ? decodeDatetimeText : decodeTimestamp,
    toJson: (value) => `(${value}::timestamp at time zone 'UTC')`,
    toText: (value) => asMicros(`${value}::timestamp`),
    unrepresentable: {
      when: (value) =>
        isText
          ? isInvalidDatetime(value)
          : isOutside(`'0001-01-01'::timestamp`, `'9999-12-31 23:59:59.999999'`)(value),
      reason: isText ? NOT_A_DATETIME : OUTSIDE_YEARS,
    },
  };
}

// Two days inside BigQuery's limits: a staged row may be streamed up to a day later.
export const STREAMED_FROM = `now() - interval '10 years' + interval '2 days'`;
export const STREAMED_TO = `now() + interval '1 year' - interval '2 days'`;

/**
 * The form of a partition column whose changes are streamed: BigQuery accepts dates from 10 years ago to 1 year ahead
 * (https://cloud.google.com/bigquery/docs/change-data-capture). CASE keeps PostgreSQL from casting text that is not a date.
 */
export function inStreamingWindow(form: ColumnForm, window: StreamedWindow): ColumnForm {
  const { toJson, unrepresentable } = form;
  const reason = outsideStreamingWindow(unrepresentable?.reason);
  return {
    ...form,
    decode: decoderWithin(form, window, reason),
    unrepresentable: {
      when: (value) =>
        `case when ${unrepresentable?.when(value) ?? 'false'} then true else (${toJson(value)})::timestamptz not between ${STREAMED_FROM} and ${STREAMED_TO} end`,
      reason,
    },
  };
}

/** The first and the last moment within the window, in microseconds since 1970-01-01 (UTC). */
export type StreamedWindow = { fromMicros: number; toMicros: number };

const MICROS_A_DAY = 86_400_000_000;

function decoderWithin(
  { type, decode }: ColumnForm,
  { fromMicros, toMicros }: StreamedWindow,
  reason: string,
): Decoder {
  const judged = new CapturedValue();
  const unit = type === 'DATE' ? MICROS_A_DAY : 1;
  return (buffer, at, length, writer) => {
    if (decode(buffer, at, length, judged) !== null) return reason;
    const micros = Number(judged.whole) * unit;
    return micros < fromMicros || micros > toMicros ? reason : decode(buffer, at, length, writer);
  };
}

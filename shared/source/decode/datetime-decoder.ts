import { microsOfTimestamp } from '../../model/calendar-text.ts';
import { NOT_A_DATETIME } from './reasons.ts';
import type { Decoder } from './value-decoder.ts';

const DATETIME = /^ *(\d{4}-\d\d-\d\d)(?:[ T]((?:[01]\d|2[0-3]):[0-5]\d)(:[0-5]\d(?:\.\d{1,6})?)?)? *$/;

/** Decodes a text that the configuration lists in `datetime_columns`, as a time in UTC. */
export const decodeDatetimeText: Decoder = (buffer, at, length, writer) => {
  const [, date, minutes, seconds = ':00'] = DATETIME.exec(buffer.toString('utf8', at, at + length)) ?? [];
  if (date === undefined) return NOT_A_DATETIME;
  const micros = microsOfTimestamp(minutes === undefined ? date : `${date} ${minutes}${seconds}`);
  if (micros === null) return NOT_A_DATETIME;
  if (typeof micros === 'number') writer.integer(micros);
  else writer.bigint(micros);
  return null;
};

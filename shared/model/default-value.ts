import { daysOfDate, microsOfTime, microsOfTimestamp } from './calendar-text.ts';
import type { ColumnWriter } from './column-writer.ts';
import type { BigQueryType } from './columns.ts';
import { DecimalGroups } from './decimal-groups.ts';

/**
 * What writes a configured default, which is written as BigQuery reads it, into a column of a type. The import refuses a default that is no value of the
 * type: to write one is a `RangeError` or a `SyntaxError`.
 */
export function defaultWriter(type: BigQueryType, text: string): (writer: ColumnWriter) => void {
  let write: ((writer: ColumnWriter) => void) | undefined;
  return (writer) => {
    write ??= writerOf(type, text);
    write(writer);
  };
}

function writerOf(type: BigQueryType, text: string): (writer: ColumnWriter) => void {
  const bytes = Buffer.from(type === 'JSON' ? JSON.stringify(text) : text);
  switch (type) {
    case 'STRING':
    case 'JSON':
      return (writer) => writer.text(bytes, 0, bytes.length);
    case 'BYTES': {
      const decoded = Buffer.from(text, 'base64');
      return (writer) => writer.bytes(decoded, 0, decoded.length);
    }
    case 'BOOL':
      return (writer) => writer.boolean(text === 'true');
    case 'FLOAT64':
      return (writer) => writer.float(Number(text));
    case 'NUMERIC':
    case 'BIGNUMERIC': {
      const decimal = DecimalGroups.parse(text);
      return (writer) => writer.decimal(decimal);
    }
    default: {
      const whole = wholeOf(type, text);
      if (whole === null) throw new RangeError(`a default is no ${type}`);
      return (writer) => (typeof whole === 'number' ? writer.integer(whole) : writer.bigint(whole));
    }
  }
}

function wholeOf(
  type: 'INT64' | 'DATE' | 'DATETIME' | 'TIMESTAMP' | 'TIME',
  text: string,
): number | bigint | null {
  switch (type) {
    case 'INT64':
      return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
    case 'DATE':
      return daysOfDate(text);
    case 'TIME':
      return microsOfTime(text);
    case 'DATETIME':
    case 'TIMESTAMP':
      return microsOfTimestamp(text);
  }
}

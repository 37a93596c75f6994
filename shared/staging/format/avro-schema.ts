import type { BigQueryType, Column } from '../../model/columns.ts';

/**
 * The Avro type of each BigQuery type, with `useAvroLogicalTypes`: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro#avro_conversions
 * and for JSON https://cloud.google.com/bigquery/docs/json-data#load_from_avro_files. Precision and scale decide between NUMERIC and BIGNUMERIC
 * (`decimalTargetTypes`).
 */
const AVRO_TYPE: Record<BigQueryType, string | object> = {
  INT64: 'long',
  FLOAT64: 'double',
  NUMERIC: { type: 'bytes', logicalType: 'decimal', precision: 38, scale: 9 },
  BIGNUMERIC: { type: 'bytes', logicalType: 'decimal', precision: 77, scale: 38 },
  BOOL: 'boolean',
  STRING: 'string',
  BYTES: 'bytes',
  DATE: { type: 'int', logicalType: 'date' },
  DATETIME: { type: 'long', logicalType: 'local-timestamp-micros' },
  TIMESTAMP: { type: 'long', logicalType: 'timestamp-micros' },
  TIME: { type: 'long', logicalType: 'time-micros' },
  JSON: { type: 'string', sqlType: 'JSON' },
};

/** https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro#limitations */
const AVRO_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Whether Avro can hold rows with these columns: BigQuery also has names that Avro has not. */
export const fitsAvro = (columns: readonly Pick<Column, 'name'>[]): boolean =>
  columns.every(({ name }) => AVRO_NAME.test(name));

/** The schema of a file whose records have these fields, in this order. */
export function avroSchema(columns: readonly Column[]): object {
  const fields = columns.map(({ name, type, mode }) => ({ name, type: fieldType(AVRO_TYPE[type], mode) }));
  return { type: 'record', name: 'row', fields };
}

function fieldType(type: string | object, mode: Column['mode']): unknown {
  switch (mode) {
    case 'REQUIRED':
      return type;
    case 'NULLABLE':
      return ['null', type];
    case 'REPEATED':
      return { type: 'array', items: type };
  }
}

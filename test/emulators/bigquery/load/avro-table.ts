import type { Resolver } from 'avsc';
import type { Table } from '../catalog.ts';
import type { Field } from '../field.ts';
import { displayName } from '../names.ts';
import { AvroProblem } from './avro-blocks.ts';
import type { AvroSchema } from './avro-schema.ts';

/**
 * Refuses a schema that does not fit the table. Its fields must have the types and modes of the columns. Google documents no conversion for
 * tables that exist but one that it calls deprecated, of decimals into BYTES. That a field without nulls cannot go into a NULLABLE column
 * is [not documented]; the opposite was seen in googleapis/python-bigquery issue 1981, with Parquet.
 * The words are those of https://cloud.google.com/bigquery/docs/managing-table-schemas
 * @throws AvroProblem
 */
export function checkFitsTable({ columns }: AvroSchema, { reference, fields }: Table): void {
  const mismatch = (what: string) =>
    new AvroProblem(`Provided Schema does not match Table ${displayName(reference)}. ${what}`);
  for (const { name, type, mode } of columns) {
    const field = fields.find((known) => known.name === name);
    if (!field) throw mismatch(`Cannot add fields (field: ${name})`);
    if (field.type !== type) throw mismatch(`Field ${name} has changed type from ${field.type} to ${type}`);
    if (field.mode !== mode) throw mismatch(`Field ${name} has changed mode from ${field.mode} to ${mode}`);
  }
  const missing = fields.find((field) => field.mode === 'REQUIRED' && !names(columns).has(field.name));
  if (missing) throw mismatch(`Missing required field: ${missing.name}`);
}

/**
 * How rows of one schema are read as rows of the schema of the job: https://avro.apache.org/docs/1.12.0/specification/#schema-resolution
 * Resolution would drop fields that the job's schema has not, and ignore other logical types; what BigQuery does then is [not documented],
 * so both are refused.
 * @throws AvroProblem
 */
export function resolve(written: AvroSchema, { type, columns }: AvroSchema): Resolver {
  for (const { name, ...column } of written.columns) {
    const read = columns.find((known) => known.name === name);
    if (!read) throw new AvroProblem(`Incompatible schemas: only some files have the field ${name}`);
    if (read.type !== column.type || read.logicalType !== column.logicalType) {
      throw new AvroProblem(`Incompatible schemas: the field ${name} has another type in other files`);
    }
  }
  try {
    return type.createResolver(written.type);
  } catch (error) {
    throw new AvroProblem(`Incompatible schemas: ${error instanceof Error ? error.message : error}`);
  }
}

function names(fields: readonly Pick<Field, 'name'>[]): Set<string> {
  return new Set(fields.map(({ name }) => name));
}

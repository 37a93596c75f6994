import { DuckDBListValue } from '@duckdb/node-api';
import type { Session } from '../engine.ts';
import { type BigQueryError, invalid } from '../error.ts';
import { type Field, literal, quoted } from '../field.ts';
import { firstRefusal } from './first-refusal.ts';
import { areKnown, jsonColumn, onlyKnownKeys, rawStructure } from './json-column.ts';
import type { SourceObject } from './source-objects.ts';

/**
 * The maximum of a row here. BigQuery takes 100 MB (https://cloud.google.com/bigquery/quotas#load_jobs), for which the engine would need
 * several times as much memory for each thread.
 */
const MAX_ROW_BYTES = 16 * 1024 * 1024;

/**
 * Adds the rows of all files in the transaction of the caller, which must roll back if this throws.
 * @returns the number of rows. @throws BigQueryError invalid, without the place of the bad row: see explain.
 */
export async function loadRows(
  session: Session,
  storage: string,
  fields: readonly Field[],
  objects: readonly SourceObject[],
): Promise<number> {
  const files = objects.filter(({ bytes }) => bytes > 0);
  const [first] = files;
  if (!first) return 0;
  // https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json#limitations
  if (files.some(({ compression }) => compression !== first.compression)) {
    throw invalid('A load job cannot have both compressed and uncompressed files');
  }
  return await session.run(insertion(storage, fields, files, await keysOfFirstRow(session, first)));
}

/** The refusal behind an error of `loadRows`, or the error itself if no row caused it. */
export async function explain(
  error: BigQueryError,
  session: Session,
  fields: readonly Field[],
  objects: readonly SourceObject[],
): Promise<BigQueryError> {
  if (error.reason !== 'invalidQuery') return error;
  const filled = objects.filter(({ bytes }) => bytes > 0);
  return (
    (await firstRefusal(session, filled, fields)) ??
    invalid(`Error while reading data, error message: ${error.message}`)
  );
}

/** A list of DuckDB; undefined if the first row is no JSON object. */
async function keysOfFirstRow(
  session: Session,
  { file, compression }: SourceObject,
): Promise<string | undefined> {
  const { rows } = await session.query(`
    select json_keys(json)::varchar[] from read_ndjson_objects(
      ${literal(file)}, compression = '${compression}', ignore_errors = true, maximum_object_size = ${MAX_ROW_BYTES}) limit 1`);
  const keys = rows[0]?.[0];
  return keys instanceof DuckDBListValue
    ? `[${keys.items.map((key) => literal(String(key))).join(', ')}]`
    : undefined;
}

function insertion(
  storage: string,
  fields: readonly Field[],
  files: readonly SourceObject[],
  usualKeys: string | undefined,
): string {
  const columns = fields.map((field) => jsonColumn(field, `v.${quoted(field.name)}`, 'json'));
  const fits = columns.map((column) => column.fits).join(' and ');
  const known = onlyKnownKeys(fields, 'json');
  // Most rows have the keys of the first row, and comparing lists is faster than looking up each key.
  const knownKeys = usualKeys
    ? `case when json_keys(json) = ${usualKeys} then ${areKnown(fields, usualKeys)} else ${known} end`
    : known;
  const list = files.map(({ file }) => literal(file)).join(', ');
  return `
    insert into ${storage} (${fields.map(({ name }) => quoted(name)).join(', ')})
    select ${columns.map(({ value }) => value).join(', ')}
    from (
      select json, json_transform(json, ${rawStructure(fields)}) as v
      from read_ndjson_objects([${list}], compression = '${files[0]?.compression}', maximum_object_size = ${MAX_ROW_BYTES}))
    where case when ${knownKeys} and ${fits} then true else error('bad row') end`;
}

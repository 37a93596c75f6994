import type { Session } from '../engine.ts';
import { type BigQueryError, invalid } from '../error.ts';
import { type Field, literal, quoted } from '../field.ts';
import { firstRefusal } from './first-refusal.ts';
import { jsonColumn, onlyKnownKeys, rawStructure } from './json-column.ts';
import type { SourceObject } from './source-objects.ts';

/** An object of JSON may be so large; BigQuery's limit of a row. */
const MAX_ROW_BYTES = 100 * 1024 * 1024;

/**
 * Adds the rows of all files, or none: the caller's transaction must end with a rollback when this throws.
 * @returns how many rows were added. @throws BigQueryError invalid, naming file, row and field of the first bad row.
 */
export async function loadRows(
  session: Session,
  storage: string,
  fields: readonly Field[],
  objects: readonly SourceObject[],
): Promise<number> {
  let rows = 0;
  for (const compression of ['gzip', 'uncompressed'] as const) {
    const files = objects.filter((object) => object.compression === compression && object.bytes > 0);
    if (files.length > 0) rows += await session.run(insertion(storage, fields, files, compression));
  }
  return rows;
}

/** The refusal behind an error that `loadRows` threw; the error itself if the rows have no part in it. */
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

function insertion(
  storage: string,
  fields: readonly Field[],
  files: readonly SourceObject[],
  compression: SourceObject['compression'],
): string {
  const columns = fields.map((field) => jsonColumn(field, `v.${quoted(field.name)}`, 'json'));
  const fits = [onlyKnownKeys(fields, 'json'), ...columns.map((column) => column.fits)].join(' and ');
  const list = files.map(({ file }) => literal(file)).join(', ');
  return `
    insert into ${storage} (${fields.map(({ name }) => quoted(name)).join(', ')})
    select ${columns.map(({ value }) => value).join(', ')}
    from (
      select json, json_transform(json, ${rawStructure(fields)}) as v
      from read_ndjson_objects([${list}], compression = '${compression}', maximum_object_size = ${MAX_ROW_BYTES}))
    where case when ${fits} then true else error('bad row') end`;
}

import type { Session } from '../engine.ts';
import { BigQueryError } from '../error.ts';
import { type Field, literal, quoted, typeName } from '../field.ts';
import { jsonColumn, onlyKnownKeys, rawStructure } from './json-column.ts';
import type { SourceObject } from './source-objects.ts';

/**
 * The refusal of the first bad row, in the order of the files and their rows, with the file, the byte of its content where the row starts,
 * and the field. Runs only after a failed load, so it may be slow. The words of the messages are [not documented].
 */
export async function firstRefusal(
  session: Session,
  objects: readonly SourceObject[],
  fields: readonly Field[],
): Promise<BigQueryError | undefined> {
  for (const object of objects) {
    const found = await refusalIn(session, object, fields);
    if (found === undefined) continue;
    const reading = 'Error while reading data, error message:';
    const message = `${reading} JSON parsing error in row starting at position ${found} File: ${object.uri}`;
    return new BigQueryError(
      'invalid',
      `${reading} JSON table encountered too many errors, giving up. Rows: 1; errors: 1. Please look into the errors[] collection for more details.`,
      object.uri,
      [{ reason: 'invalid', message, location: object.uri }],
    );
  }
  return undefined;
}

async function refusalIn(
  session: Session,
  object: SourceObject,
  fields: readonly Field[],
): Promise<string | undefined> {
  const reasons = fields.map((field) => {
    const raw = `v.${quoted(field.name)}`;
    const { fits } = jsonColumn(field, raw, 'json');
    return `when not ${fits} then ${reason(field, raw)}`;
  });
  const unknown = `list_filter(json_keys(json), lambda key: not list_contains([${fields.map(({ name }) => literal(name)).join(', ')}], key))[1]`;
  const { rows } = await session.query(`
    select position, case
        when json is null then 'Malformed JSON'
        when json_type(json) <> 'OBJECT' then 'Start of array or object expected'
        when not ${onlyKnownKeys(fields, 'json')} then 'No such field: ' || ${unknown}
        ${reasons.join(' ')} end as problem
    from (
      select json, row_number() over () as nth,
        coalesce(sum(strlen(json::varchar) + 1) over (rows between unbounded preceding and 1 preceding), 0)::bigint as position,
        case when json_type(json) = 'OBJECT' then json_transform(json, ${rawStructure(fields)}) end as v
      from read_ndjson_objects(${literal(object.file)}, compression = '${object.compression}', ignore_errors = true))
    where problem is not null order by nth limit 1`);
  const [[position, problem] = []] = rows;
  return position === undefined ? undefined : `${position}: ${problem}.`;
}

function reason(field: Field, raw: string): string {
  const shown = `left(${raw}::varchar, 100)`;
  if (field.mode === 'REQUIRED') {
    return `case when ${raw} is null then ${literal(`Missing required field: ${field.name}`)} else ${couldNotConvert(field, shown)} end`;
  }
  return couldNotConvert(field, shown);
}

function couldNotConvert(field: Field, shown: string): string {
  const text = `Could not convert value to ${typeName(field).toLowerCase()}. Field: ${field.name}; Value: `;
  return `${literal(text)} || ${shown}`;
}

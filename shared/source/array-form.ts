import { type ColumnForm, type Reason, unchanged, type ValueForm } from './column-form.ts';
import { arrayDecoder } from './decode/array-decoder.ts';

/** An array of elements of the given form, as a REPEATED column. A NULL array becomes an empty one. */
export function arrayForm(element: ValueForm): ColumnForm {
  return {
    type: element.type,
    isRepeated: true,
    decode: arrayDecoder(element.decode),
    ...(element.copiedArray && { copied: element.copiedArray }),
    toJson: (value) =>
      element.toJson === unchanged
        ? `coalesce(to_json(${value}), '[]')`
        : `coalesce((select json_agg(${element.toJson('e')} order by i) from unnest(${value}) with ordinality as a (e, i)), '[]')`,
    ...(element.toText && { toText: elementTexts(element.toText) }),
    unrepresentable: unrepresentableArray(element),
  };
}

const elementTexts = (toText: (value: string) => string) => (value: string) =>
  `array(select ${toText('e')} from unnest(${value}) with ordinality as a (e, i) order by i)`;

/**
 * A REPEATED column holds neither a NULL element nor a second dimension. The catalog does not tell how many dimensions the
 * arrays of a view have, so every value is checked.
 */
function unrepresentableArray(element: ValueForm): Reason {
  const isBad = (e: string) => element.unrepresentable?.when(e) ?? 'false';
  return {
    when: (value) =>
      `(array_ndims(${value}) > 1 or exists (select from unnest(${value}) as e
        where case when e is null or ${isBad('e')} then true else ${isJsonNull(element, 'e')} end))`,
    reason: 'is not an array that BigQuery can hold',
  };
}

/** A JSON null is staged exactly like an SQL NULL. */
const isJsonNull = ({ type, toJson }: ValueForm, value: string): string =>
  type === 'JSON' ? `jsonb_typeof(${toJson(value)}) = 'null'` : 'false';

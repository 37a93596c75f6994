import { type ColumnForm, type Reason, unchanged, type ValueForm } from './column-form.ts';
import { arrayDecoder } from './decode/array-decoder.ts';
import { ELEMENT_IS_NULL, NESTED_ARRAY, withUnfitElement } from './decode/reasons.ts';

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
function unrepresentableArray(element: ValueForm): NonNullable<ValueForm['unrepresentable']> {
  const isBad = (e: string) => element.unrepresentable?.when(e) ?? 'false';
  const isNull = (e: string) =>
    `case when ${e} is null then true when ${isBad(e)} then false else ${isJsonNull(element, e)} end`;
  const any = (value: string, condition: string) =>
    `exists (select from unnest(${value}) as e where ${condition})`;
  const isNested = (value: string) => `array_ndims(${value}) > 1`;
  const reasons: Reason[] = [
    {
      when: isNested,
      reason: NESTED_ARRAY,
    },
    {
      when: (value) => any(value, isNull('e')),
      reason: ELEMENT_IS_NULL,
    },
    ...(element.unrepresentable === undefined
      ? []
      : [
          {
            when: (value: string) => any(value, `e is not null and (${isBad('e')})`),
            reason: withUnfitElement(element.unrepresentable.reason),
          },
        ]),
  ];
  return {
    // Evaluated for every row, so this one condition covers all reasons in a single pass over the elements.
    when: (value) =>
      `(${isNested(value)} or ${any(value, `case when e is null or ${isBad('e')} then true else ${isJsonNull(element, 'e')} end`)})`,
    reason: 'is not an array that BigQuery can hold',
    reasons,
  };
}

/** A JSON null is staged exactly like an SQL NULL. */
const isJsonNull = ({ type, toJson }: ValueForm, value: string): string =>
  type === 'JSON' ? `jsonb_typeof(${toJson(value)}) = 'null'` : 'false';

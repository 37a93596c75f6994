import { asText, unchanged, type ValueForm } from './column-form.ts';
import { decodeJson, decodeJsonb } from './decode/json-decoder.ts';
import { INEXACT_JSON } from './decode/reasons.ts';
import type { Decoder } from './decode/value-decoder.ts';

/** In characters. Shorter JSON cannot be nested deeper than 500 levels or contain a long number, so it is not searched for them. */
const SHORT_JSON = 1000;
/** Digits in a row. INT64, UINT64 and FLOAT64 hold no longer number exactly. */
const LONG_NUMBER = 1000;

/**
 * SQL that tells whether JSON text (PostgreSQL's json type) would fail to cast to jsonb: it contains an escaped NUL or unpaired
 * surrogate, a number beyond numeric, or nesting that the parser refuses. The SQL itself never fails. It first removes
 * escaped backslashes, and then whole strings, because these may contain text that only looks like an escape or a number.
 */
function failsAsJsonb(text: string): string {
  const escapes = String.raw`regexp_replace(replace(${text}, '\\', '--'), '\\u[dD][89abAB]..\\u[dD][c-fC-F]', '-', 'g')`;
  const bare = String.raw`regexp_replace(${text}, '"[^"\\]*(?:\\.[^"\\]*)*"', '', 'g')`;
  return String.raw`case
    when strpos(${text}, '\u') > 0 and ${escapes} ~ '\\u(?:[dD][89a-fA-F]|0000)' then true
    when length(${text}) > ${SHORT_JSON} or ${text} ~ '[0-9][eE][-+]?[0-9]{4}' then exists (
      select from (select ${bare} as bare) b, lateral (select regexp_replace(bare, '[^][{}]', '', 'g') as brackets) n
      where bare ~ '[eE][-+]?0*[1-9][0-9]{3}'
        or exists (select from regexp_matches(bare, '[0-9]+', 'g') as d (digits) where length(digits[1]) > ${LONG_NUMBER})
        or length(brackets) > 1000 and 500 < (select max(depth) from (
          select sum(case when bracket in ('[', '{') then 1 else -1 end) over (order by i) as depth
          from string_to_table(brackets, null) with ordinality as c (bracket, i)) depths))
    else false end`;
}

/**
 * Values written as jsonb, which must contain only what BigQuery's JSON holds exactly. `toText` is given where the cast to
 * jsonb may fail: the text is then checked first, and CASE keeps PostgreSQL from trying the cast.
 */
function jsonForm(
  decode: Decoder,
  toJsonb: (value: string) => string,
  toText?: (value: string) => string,
): ValueForm {
  const isInexact = (value: string) =>
    `(jsonb_path_exists(${toJsonb(value)}, 'strict $.**{500} ? (@.type() == "object" || @.type() == "array")') or exists (
        select from jsonb_path_query(${toJsonb(value)}, 'strict $.** ? (@.type() == "number")') as j,
          lateral (select j::numeric as n) as number
        where not case
          when n = trunc(n) and n between -9223372036854775808 and 18446744073709551615 then true
          when abs(n) not between 4.94e-324 and 1.7976931348623157e308 then false
          else n::text::float8::text::numeric = n end))`;
  return {
    type: 'JSON',
    decode,
    toJson: toJsonb,
    unrepresentable: {
      when: (value) =>
        toText === undefined
          ? isInexact(value)
          : `case when ${failsAsJsonb(toText(value))} then true else ${isInexact(value)} end`,
      reason: INEXACT_JSON,
    },
  };
}

export const JSONB_FORM = jsonForm(decodeJsonb, unchanged);
export const JSON_FORM = jsonForm(decodeJson, (value) => `${value}::jsonb`, asText);
/** Any value converted to JSON, for example a composite. It may contain json, so its text is checked too. */
export const CONVERTED_TO_JSON: ValueForm = {
  ...jsonForm(
    decodeJson,
    (value) => `to_jsonb(${value})`,
    (value) => `to_json(${value})::text`,
  ),
  copied: (value) => `to_json(${value})`,
};

const SEQUENCE_NUMBER = /^[0-9A-Fa-f]{1,16}(\/[0-9A-Fa-f]{1,16}){0,3}$/;
const SECTION_DIGITS = 16;

/**
 * A text that sorts in the order of `_CHANGE_SEQUENCE_NUMBER`: one to four sections, compared from left to right as unsigned hexadecimal
 * numbers. Of two numbers with equal sections, the one with more sections is greater. Undefined for other texts.
 * https://cloud.google.com/bigquery/docs/change-data-capture#manage_custom_ordering
 */
export function sequenceKey(text: string): string | undefined {
  if (!SEQUENCE_NUMBER.test(text)) return undefined;
  return text
    .split('/')
    .map((section) => section.padStart(SECTION_DIGITS, '0'))
    .join('/')
    .toUpperCase();
}

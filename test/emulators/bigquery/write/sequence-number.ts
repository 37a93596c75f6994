const SEQUENCE_NUMBER = /^[0-9A-Fa-f]{1,16}(\/[0-9A-Fa-f]{1,16}){0,3}$/;
const SECTION_DIGITS = 16;

/**
 * A text that sorts as BigQuery orders `_CHANGE_SEQUENCE_NUMBER`: its one to four sections are compared from left to
 * right as unsigned hexadecimal numbers, and a number that goes on where an equal one ends is the greater one.
 * Nothing for a text that is no sequence number.
 */
export function sequenceKey(text: string): string | undefined {
  if (!SEQUENCE_NUMBER.test(text)) return undefined;
  return text
    .split('/')
    .map((section) => section.padStart(SECTION_DIGITS, '0'))
    .join('/')
    .toUpperCase();
}

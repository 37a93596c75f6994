const TYPES =
  'int64|integer|bool|boolean|double|float|float64|numeric|bignumeric|date|datetime|time|timestamp|json|bytes|base64|string|geography';

/** What BigQuery writes before a value that it quotes to the end of the message; the words of its messages are not documented. */
const BEFORE_VALUE = new RegExp(
  `\\b(?:value|(?:bad|invalid) (?:${TYPES})(?: value| string| literal)?): `,
  'i',
);
/** Some messages about a row of a load end with the staged object that contains it. */
const STAGED_OBJECT = / File: gs:\/\/[\w./-]+\.ndjson\.gz$/;
const PARSED_VALUE = /(\b(?:parse|convert|cast)(?: \w+)? )(['"`])[\s\S]*\2( (?:as|to)\b)/i;
const STATED_VALUE = /\b(value (?:of|is) )(?:-?\d[\w.+-]*|(['"`])[\s\S]*\2)/gi;

/** A message of BigQuery without the values of rows that it quotes: messages reach logs and whoever reads a view's state. */
export function withoutValues(message: string): string {
  const named = message.replace(PARSED_VALUE, '$1$2…$2$3');
  const found = BEFORE_VALUE.exec(named);
  if (found === null) return named.replaceAll(STATED_VALUE, '$1…');
  const end = found.index + found[0].length;
  return `${named.slice(0, end)}…${STAGED_OBJECT.exec(named)?.[0] ?? ''}`;
}

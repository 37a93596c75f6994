const TYPES =
  'int64|integer|bool|boolean|double|float|float64|numeric|bignumeric|date|datetime|time|timestamp|json|bytes|base64|string|geography';

/** What BigQuery writes before a value that it quotes to the end of the message; the words of its messages are not documented. */
const BEFORE_VALUE = new RegExp(
  `\\b(?:value|(?:bad|invalid) (?:${TYPES})(?: value| string| literal)?): `,
  'i',
);
/** Some messages about a row of a load end with the staged object that contains it. */
const STAGED_OBJECT = / File: gs:\/\/[\w./-]+\.(?:ndjson\.gz|avro)$/;
const PARSED_VALUE = /(\b(?:parse|convert|cast|coerce)(?: \w+)? )(['"`])[\s\S]*\2( (?:as|to|into)\b)/i;
const STATED_VALUE = /\b(value (?:of|is) )(?:-?\d[\w.+-]*|(['"`])[\s\S]*\2)/gi;

/** The words before a quoted name, as opposed to a value; quotation marks inside of words are apostrophes. */
const BEFORE_NAME =
  'fields?|columns?|names?|tables?|datasets?|views?|routines?|procedures?|functions?|variables?|parameters?|options?|types?|keywords?|permissions?|roles?|resources?|buckets?|objects?|topics?|subscriptions?|projects?|locations?|regions?|services?|consumers?|metrics?|limits?|jobs?|encodings?';
/**
 * Either a quoted name or a value that is left out already, which stay, or the text from a quoted value to the last quotation mark of its
 * kind, since values may contain such marks.
 */
const QUOTED = new RegExp(
  `(\\b(?:${BEFORE_NAME}):? (["'])[^"'\n]*\\2|(["'\`])…\\3)|(?<!\\w)(["'])[\\s\\S]*\\4(?!\\w)`,
  'gi',
);

/** A message of BigQuery without the values of rows that it quotes: messages reach logs and whoever reads a view's state. */
export function withoutValues(message: string): string {
  const named = message.replace(PARSED_VALUE, '$1$2…$2$3');
  const found = BEFORE_VALUE.exec(named);
  if (found === null) return withoutQuoted(named.replaceAll(STATED_VALUE, '$1…'));
  const end = found.index + found[0].length;
  return `${withoutQuoted(named.slice(0, end))}…${STAGED_OBJECT.exec(named)?.[0] ?? ''}`;
}

const withoutQuoted = (message: string): string =>
  message.replaceAll(
    QUOTED,
    (_, kept: string | undefined, _name, _left, mark: string) => kept ?? `${mark}…${mark}`,
  );

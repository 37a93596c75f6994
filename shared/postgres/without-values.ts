/** The part of an error of pg that says where it comes from: its SQLSTATE, and the function of the server's source code that raised it. */
type Origin = { code: string; routine?: string | undefined };

/**
 * Classes and states whose messages name objects, settings or limits, but no values of rows: https://www.postgresql.org/docs/current/errcodes-appendix.html.
 * 21000 is a subquery that returned several rows, 22021 and 22P05 are about encodings.
 */
const NAMING = /^(?:08|0A|21|25|28|3D|3F|40|42|53|55|57|58|72)|^22021$|^22P05$/;
/** These quote the value that they are about. 42601 quotes the SQL that a function may have built from values. */
const QUOTING = /^(?:22|54)/;
const SYNTAX_ERROR = '42601';
/** RAISE of PL/pgSQL gives any state to any text. */
const RAISED_BY_FUNCTION = 'exec_stmt_raise';

/** Quotation marks of the languages of PostgreSQL's messages, numbers, and what follows a colon, unless it is left out already. */
const UNQUOTED_VALUE = /[\d'`«»„“”‚‘’‹›「」『』]|[:：](?! "…"$)/;

/** A message of PostgreSQL without values of rows, in any language: messages reach logs and whoever reads a view's state. */
export function withoutValues(message: string, { code, routine }: Origin): string {
  const isRaised = routine === RAISED_BY_FUNCTION || code === SYNTAX_ERROR;
  if (!isRaised && NAMING.test(code)) return message;
  if (!isRaised && QUOTING.test(code)) return withoutQuotes(message);
  return `error ${code}${routine === undefined ? '' : ` from ${routine}`}; the server's message may contain values of rows, and only its own log shows it`;
}

function withoutQuotes(message: string): string {
  const known = message.replace(/"[\s\S]*"/, '"…"');
  const found = UNQUOTED_VALUE.exec(known);
  return found === null ? known : `${known.slice(0, found.index)}…`;
}

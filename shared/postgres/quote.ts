/** Quotes a PostgreSQL identifier. No other function may. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Writes a text as a SQL literal, for COPY, which takes no parameters. Every session has standard_conforming_strings on. */
export function quoteLiteral(text: string): string {
  return text.includes('\\') ? `E'${escaped(text).replaceAll('\\', '\\\\')}'` : `'${escaped(text)}'`;
}

const escaped = (text: string): string => text.replaceAll("'", "''");

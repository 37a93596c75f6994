/**
 * Replaces a table of a document, which stands between a line `<!-- generated: NAME … -->` and `<!-- end -->`; everything else stays. Throws if
 * these lines are missing.
 */
export function replaceTable(
  document: string,
  markdown: string,
  { name, table }: { name: string; table: string },
): string {
  const place = new RegExp(`(^<!-- generated: ${name}\\b[^\\n]*-->\\n).*?(^<!-- end -->$)`, 'ms');
  if (!place.test(markdown)) throw new Error(`${document} has no place for the table "${name}"`);
  return markdown.replace(place, (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`);
}

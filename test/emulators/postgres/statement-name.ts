const MOST_CHARACTERS = 60;

/** Statements whose text does not tell them apart. */
const ENDS = new Set(['commit', 'rollback']);

/**
 * A short name of a statement, which is the same in every run: its first words, up to the first number or literal. The name of a commit or
 * rollback contains that of the statement `before` it: `commit after update etl.lease set`.
 */
export function statementName(sql: string, before: string): string {
  const words =
    sql
      .trim()
      .toLowerCase()
      .replaceAll(/\s+/g, ' ')
      .split(/['\d$]/)[0] ?? '';
  if (ENDS.has(words)) return `${words} after ${before.replace(/^\w+ after /, '')}`;
  if (words.length <= MOST_CHARACTERS) return words.trim();
  return words.slice(0, words.lastIndexOf(' ', MOST_CHARACTERS));
}

const MOST_CHARACTERS = 60;

/** Statements that say nothing by themselves. */
const ENDS = new Set(['commit', 'rollback']);

/**
 * A short name of a statement, the same each time it is sent: its first words, without numbers and literals. What ends a
 * transaction is named with the statement `before` it: `commit after update etl.lease set`.
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

import { checkScript } from './check-script.ts';
import type { GoogleSql } from './google-sql.ts';
import { type GoogleSqlText, PARAMETERS, SHIPPED_PROJECT } from './google-sql-texts.ts';
import { objectsOf, receivedStatements, sqlColumns } from './received-statements.ts';
import { SqlObjects } from './sql-objects.ts';

/** The result for one text: how many statements it has, and `line:column reason` for each that is refused. */
export interface CheckedText {
  readonly name: string;
  readonly sql: string;
  readonly statements: number;
  readonly faults: readonly string[];
}

/** Checks texts of the project. Those of a group share their tables. */
export async function checkTexts(
  googleSql: GoogleSql,
  texts: readonly GoogleSqlText[],
): Promise<CheckedText[]> {
  const groups = new Map<string, SqlObjects>();
  const results: CheckedText[] = [];
  for (const { name, sql, group } of texts) {
    const objects = groups.get(group) ?? new SqlObjects({ projectId: SHIPPED_PROJECT });
    groups.set(group, objects);
    results.push({ name, sql, ...(await checkScript(googleSql, { sql, parameters: PARAMETERS }, objects)) });
  }
  return results;
}

/** How many texts the analyzer has to do at once. */
const AT_ONCE = 4;

/**
 * Checks what the emulators of a test run recorded in a folder, each text with the tables that it met. A text that names a table that did not
 * exist then, as some tests do, is checked with the table as it was at another time; one that never existed is a fault.
 */
export async function checkReceived(googleSql: GoogleSql, folder: string): Promise<CheckedText[]> {
  const received = await receivedStatements(folder);
  const tables = received.flatMap((each) => each.tables);
  const waiting = received.values();
  const results: CheckedText[] = [];
  const check = async (): Promise<void> => {
    for (const each of waiting) {
      const { sql } = each;
      const script = { sql, parameters: sqlColumns(each.parameters) };
      let checked = await checkScript(googleSql, script, objectsOf(each));
      if (checked.faults.some((fault) => fault.includes('Table not found'))) {
        checked = await checkScript(googleSql, script, objectsOf(each, tables));
      }
      results.push({ name: `received: ${sql.trim().split('\n', 1)}`, sql, ...checked });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, check));
  return results;
}

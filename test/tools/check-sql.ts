/**
 * The command `npm run check:sql`: gives every GoogleSQL text of the project to Google's own parser. Prints one line per
 * text, a refused one as `name:line:column reason`; the exit code is 0 only if none is refused.
 */
import { GoogleSqlSyntaxError, startGoogleSql } from './google-sql.ts';
import { googleSqlTexts } from './google-sql-texts.ts';

await using googleSql = await startGoogleSql();
for (const { name, sql } of await googleSqlTexts()) {
  try {
    await googleSql.parse(sql);
    console.log(`ok       ${name}`);
  } catch (error) {
    if (!(error instanceof GoogleSqlSyntaxError)) throw error;
    console.error(`refused  ${name}:${error.message}`);
    process.exitCode = 1;
  }
}

/**
 * The command `npm run check:sql` parses every GoogleSQL text of the project with Google's own parser. It prints one line per
 * text, with `name:line:column reason` for a refused one. The exit code is 0 only if the parser accepts all.
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

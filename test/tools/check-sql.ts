/**
 * The command `npm run check:sql` lets Google's own analyzer check every GoogleSQL text of the project, and every text that the BigQuery
 * emulator receives in some tests, with the names and types of the generated tables. It prints `name:line:column reason` for each refused
 * statement, and a last line for programs. The exit code is 0 only if the analyzer accepts all.
 *
 * `--received FOLDER` takes what the emulators recorded in other tests, which ran with BIGQUERY_RECEIVED_FOLDER=FOLDER, and runs none.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkReceived, checkTexts } from './check-statements.ts';
import { startGoogleSql } from './google-sql.ts';
import { googleSqlTexts } from './google-sql-texts.ts';

/** Tests that together make the functions and the local stack send every kind of statement. */
const SENDING_TESTS = [
  'functions/changed-columns',
  'functions/stream',
  'operations/purge',
  'operations/refused-statements',
  'reconcile/check-view',
  'reconcile/since.long',
].map((name) => `test/integration/${name}.test.ts`);

const { values } = parseArgs({ options: { received: { type: 'string' } } });
const folder = values.received ?? (await mkdtemp(join(tmpdir(), 'received-sql-')));
try {
  if (values.received === undefined) runTests();
  await using googleSql = await startGoogleSql();
  const received = await checkReceived(googleSql, folder);
  if (received.length === 0) throw new Error(`no received statement found in ${folder}`);
  const checked = [...(await checkTexts(googleSql, await googleSqlTexts())), ...received];
  const refused = checked.filter(({ faults }) => faults.length > 0);
  for (const { name, sql, faults } of refused) {
    for (const fault of faults) console.error(`refused  ${name}:${fault}`);
    if (name.startsWith('received')) console.error(sql);
  }
  const statements = checked.reduce((sum, each) => sum + each.statements, 0);
  const failed = refused.reduce((sum, { faults }) => sum + faults.length, 0);
  console.log(JSON.stringify({ statements, failed }));
  if (failed > 0) process.exitCode = 1;
} finally {
  if (values.received === undefined) await rm(folder, { recursive: true });
}

/** Runs the tests, whose report goes to standard error. */
function runTests(): void {
  const mocha = join(import.meta.dirname, '../../node_modules/mocha/bin/mocha.js');
  const { status } = spawnSync(process.execPath, [mocha, '--parallel', '--jobs', '2', ...SENDING_TESTS], {
    env: { ...process.env, BIGQUERY_RECEIVED_FOLDER: folder },
    stdio: ['ignore', 2, 2],
  });
  if (status === 0) return;
  console.error('The tests that send statements failed.');
  process.exitCode = 1;
}

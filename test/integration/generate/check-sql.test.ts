import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { BigQuery } from '@google-cloud/bigquery';
import { PassThroughClient } from 'google-auth-library';
import { startBigQuery } from '../../emulators/bigquery/start-big-query.ts';
import { checkReceived, checkTexts } from '../../tools/check-statements.ts';
import { type GoogleSql, startGoogleSql } from '../../tools/google-sql.ts';
import { type GoogleSqlText, googleSqlTexts } from '../../tools/google-sql-texts.ts';
import { receivedStatements } from '../../tools/received-statements.ts';

describe('npm run check:sql', () => {
  const resources = new AsyncDisposableStack();
  let googleSql: GoogleSql;
  let texts: GoogleSqlText[];

  before(async () => {
    googleSql = resources.use(await startGoogleSql());
    texts = await googleSqlTexts();
  });

  after(() => resources.disposeAsync());

  async function faultsOf(checked: readonly GoogleSqlText[]): Promise<string[]> {
    const results = await checkTexts(googleSql, checked);
    return results.flatMap(({ name, faults }) => faults.map((fault) => `${name}:${fault}`));
  }

  it('accepts every statement that the project ships or builds', async () => {
    assert.deepEqual(await faultsOf(texts), []);
  });

  it('finds statements in the documents', () => {
    const documents = new Set(
      texts.map(({ name }) => name.split(' ')[0]).filter((name) => name?.endsWith('.md')),
    );
    const expected = [
      'docs/changes.md',
      'docs/configuration.md',
      'docs/costs.md',
      'docs/first-deployment.md',
      'terraform/README.md',
    ];
    assert.deepEqual([...documents].sort(), expected);
  });

  for (const { name, of } of [
    { name: 'sql/bigquery/project/target-table.sql', of: /date_trunc\(`project_start`/ },
    { name: 'sql/bigquery/inventory/foreign-keys.sql', of: /foreign key \(`project_id`/ },
    { name: 'rows of the new target of the richest view', of: /v_target\.`string_value`/ },
    { name: 'sums of the richest view, now', of: /v_target\.`string_value`/ },
    { name: 'objects of the richest view', of: /v_source\.`select`/ },
    { name: 'purge of a target partitioned by DATE', of: /v_target\.`date_value`/ },
  ]) {
    it(`fails for a misspelt column in: ${name}`, async () => {
      const misspelt = texts.map((each) =>
        each.name === name
          ? { ...each, sql: each.sql.replace(of, (found) => found.replace(/`(\w+)`?/, '`$1z`')) }
          : each,
      );
      assert.notDeepEqual(misspelt, texts);
      const [first = 'accepted'] = await faultsOf(misspelt);
      assert.match(
        first.replace(name, ''),
        /^:\d+:\d+ (Unrecognized name|Name|Unsupported foreign key column)\b/,
        first,
      );
    });
  }

  it('fails for each single column of a procedure and of a reporting view, wherever its name is misspelt', async () => {
    const tables = texts.filter(
      ({ name, sql }) => name.startsWith('sql/bigquery') && sql.includes('create table'),
    );
    const unnoticed: string[] = [];
    let planted = 0;
    for (const name of ['sql/bigquery/pm_plan/procedure.sql', 'sql/bigquery/pm_plan/view.sql']) {
      const original = texts.find((each) => each.name === name);
      assert.ok(original);
      const { sql } = original;
      for (const { 0: column, index } of sql.matchAll(COLUMN)) {
        const line = sql.slice(sql.lastIndexOf('\n', index) + 1, sql.indexOf('\n', index));
        if (NO_NAMES.test(line)) continue;
        planted += 1;
        const changed = `${sql.slice(0, index)}${column.replace(/\w+/, '$&z')}${sql.slice(index + column.length)}`;
        const faults = await faultsOf([...tables, { ...original, sql: changed }]);
        if (faults.length === 0) unnoticed.push(`${name}: ${column} in ${line.trim()}`);
      }
    }
    assert.ok(planted > 150, `${planted}`);
    assert.deepEqual(unnoticed, []);
  });

  describe('with what an emulator received', () => {
    let folder: string;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'received-sql-test-'));
    });

    afterEach(async () => {
      await rm(folder, { recursive: true });
    });

    /** Sends statements to an emulator that records them, each as the first in a project of its own. */
    async function send(projects: readonly string[], queries: readonly string[]): Promise<void> {
      process.env.BIGQUERY_RECEIVED_FOLDER = folder;
      const emulator = await startBigQuery({ storageEndpoint: 'http://127.0.0.1:1' });
      delete process.env.BIGQUERY_RECEIVED_FOLDER;
      try {
        for (const projectId of projects) {
          const apiEndpoint = emulator.url.replace('/bigquery/v2', '');
          const bigquery = new BigQuery({ projectId, apiEndpoint, authClient: new PassThroughClient() });
          await bigquery.createDataset('D');
          for (const query of queries) {
            await bigquery.query({ query, params: { name: 'a', keys: [1] } }).catch(() => undefined);
          }
        }
      } finally {
        await emulator.close();
      }
    }

    async function runCheck(): Promise<{ lastLine: unknown; errors: string; code: number }> {
      const command = spawn(process.execPath, ['test/tools/check-sql.ts', '--received', folder]);
      const ended = once(command, 'exit');
      const [output, errors] = await Promise.all([text(command.stdout), text(command.stderr)]);
      const [code] = await ended;
      return { lastLine: JSON.parse(output.trim().split('\n').at(-1) ?? ''), errors, code };
    }

    it('ends with the number of statements and exit code 0 when it finds no fault', async () => {
      await send(
        ['p-1'],
        ['create table D.t (k int64, name string)', 'select k from D.t where name = @name'],
      );
      const { lastLine, errors, code } = await runCheck();
      const { statements, failed } = lastLine as Record<string, number>;
      assert.deepEqual({ errors, failed, code }, { errors: '', failed: 0, code: 0 });
      assert.ok(Number(statements) > 500, `${statements}`);
    });

    it('fails for a misspelt column in a received statement, and shows it', async () => {
      await send(
        ['p-1'],
        [
          'create table D.t (k int64, name string)',
          'select k from D.t\nwhere nam = @name and k in unnest(@keys)',
        ],
      );
      const { lastLine, errors, code } = await runCheck();
      assert.equal((lastLine as Record<string, number>).failed, 1);
      assert.equal(code, 1);
      assert.match(errors, /^refused {2}received: select k from D\.t:2:7 Unrecognized name: nam/m);
    });

    it('takes a table that is gone as it was, and fails for one that never was', async () => {
      await send(['p-1'], ['create table D.t (k int64)', 'select 1 from D.t', 'drop table D.t']);
      await send(['p-2'], ['select k from D.t']);
      const receivedFaults = async () =>
        (await checkReceived(googleSql, folder)).flatMap(({ faults }) => faults);
      assert.deepEqual(await receivedFaults(), []);
      await send(['p-2'], ['select k from D.tt']);
      assert.match((await receivedFaults()).join('\n'), /^1:15 Table not found: D\.tt[^\n]*$/);
    });

    it('takes equal statements of different projects and processes as one, with the tables that they met', async () => {
      const statements = [
        'create table if not exists D.t (k int64)',
        'select k from D.t',
        'select k from D.t',
      ];
      await send(['p-1', 'p-2'], statements);
      await send(['p-3'], statements);
      const met = (await receivedStatements(folder)).map(({ sql, tables }) => [sql, tables.length]);
      assert.deepEqual(met, [
        ['create table if not exists D.t (k int64)', 0],
        ['select k from D.t', 1],
      ]);
    });

    it('fails without any, because a check of nothing would pass', async () => {
      const command = spawn(process.execPath, ['test/tools/check-sql.ts', '--received', folder]);
      const ended = once(command, 'exit');
      assert.match(await text(command.stderr), /no received statement found in /);
      assert.deepEqual(await ended, [1, null]);
    });
  });
});

/** Columns of the tables of pm_plan and of the ledger, and not their new names. */
const COLUMN =
  /`(?!your-project)\w+`|(?<=[.(, ])(?:etl_transaction_id|is_deleted|update_at|action)\b(?! v_)/g;

/** Lines whose names are no columns of a table: comments, texts of messages, names of temporary results. */
const NO_NAMES = /^ *--|format\(|as example|^ *create |example as/;

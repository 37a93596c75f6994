import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { untilLoaded } from '../local/catch-up.ts';
import { Cleanup } from '../local/cleanup.ts';
import { TARGET_DATASET } from '../local/cloud.ts';
import { describeFindings } from '../local/compare/compare.ts';
import { compareViews } from '../local/compare-views.ts';
import { wordsOf } from '../local/line.ts';
import { type Stack, type StackOptions, startStack } from '../local/stack.ts';
import { readViewStates } from '../local/view-states.ts';

/** Tests that leave every batch to the operator have a tick at the start and then none. */
export const NO_TICKS_MS = 3_600_000;

// This process has no credentials, and Google's client must not look for any.
process.env.METADATA_SERVER_DETECTION = 'none';

export type RunningStack = {
  adminUrl: string;
  /** Runs SQL in SMartApp's database, as SMartApp. Nothing logs what it changes. */
  inSource: (sql: string, values?: unknown[]) => Promise<Row[]>;
  inControl: (sql: string, values?: unknown[]) => Promise<Row[]>;
  /** The rows of a table of BigQuery that a condition chooses. */
  inTarget: (table: string, where: string) => Promise<Row[]>;
  /** Writes a log row, as Django does after it has changed the row. */
  log: (model: string, key: number | string, action?: 'added' | 'changed' | 'deleted') => Promise<void>;
  /** Fails with the differences between a view and its target, compared without the product's code. */
  assertEqual: (view: string) => Promise<void>;
};

type Row = Record<string, unknown>;

/**
 * Everything that `npm start` starts, for the tests of a `describe`: databases, emulators, functions and scheduler, without changes of users. The
 * views are loaded when the tests begin.
 */
export function useRunningStack({
  tickMs = 1000,
  reach,
}: Partial<Pick<StackOptions, 'tickMs' | 'reach'>> = {}): RunningStack {
  const printed: string[] = [];
  const cleanup = new Cleanup((line) => printed.push(line));
  let stack: Stack;
  let source: pg.Pool;
  let control: pg.Pool;

  before(async () => {
    const dataFolder = await mkdtemp(join(tmpdir(), 'smart-datahub-browser-'));
    cleanup.defer('the data folder', () => rm(dataFolder, { recursive: true, force: true, maxRetries: 10 }));
    const { signal } = new AbortController();
    stack = await startStack(
      {
        ...{ dataFolder, isThrowaway: true, scale: 0.005, seed: 1, tickMs, signal },
        ...{ verbose: false, inspect: false, say: (line) => printed.push(wordsOf(line)) },
        ...(reach !== undefined && { reach }),
      },
      cleanup,
    );
    [source, control] = [openPool(stack.applicationUrl, cleanup), openPool(stack.controlUrl, cleanup)];
    await untilLoaded({ controlUrl: stack.controlUrl, extractUrl: stack.functions.extract }, signal);
  });
  after(() => cleanup[Symbol.asyncDispose]());
  // What the functions have logged says more than a page that never shows what a test waits for.
  afterEach(function () {
    const lines = printed.splice(0);
    if (this.currentTest?.state === 'failed') console.error(lines.slice(-20).join('\n'));
  });

  const rowsOf = async (pool: pg.Pool, sql: string, values?: unknown[]) =>
    (await pool.query<Row>(sql, values)).rows;
  return {
    get adminUrl() {
      return stack.adminUrl;
    },
    inSource: (sql, values) => rowsOf(source, sql, values),
    inControl: (sql, values) => rowsOf(control, sql, values),
    inTarget: async (table, where) => {
      const query = `select * from \`${TARGET_DATASET}.${table}\` where ${where}`;
      return (await stack.cloud.bigquery.query(query))[0] as Row[];
    },
    log: async (model, key, action = 'changed') => {
      await source.query(
        `insert into models_logging_change (date_created, object_id, content_type_id, object_repr, action)
         select now(), $2, id, '', $3 from django_content_type where app_label = 'app' and model = $1`,
        [model, String(key), action],
      );
    },
    assertEqual: async (view) => {
      const states = await control.connect().then(async (client) => {
        try {
          return await readViewStates(client);
        } finally {
          client.release();
        }
      });
      const { sourceUrl, cloud } = stack;
      const compared = await compareViews(
        states.filter(({ name }) => name === view),
        { sourceUrl, bigquery: cloud.bigquery },
      );
      assert.equal(compared.length, 1, `${view} is not replicated`);
      assert.deepEqual(compared.flatMap(describeFindings), []);
    },
  };
}

function openPool(url: string | undefined, cleanup: Cleanup): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
  cleanup.defer('the connections of the test', () => pool.end());
  return pool;
}

import { Agent, get } from 'node:http';
import { text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { migrate } from '../../shared/control/migrate.ts';
import { startPostgres } from '../emulators/postgres.ts';
import { ADMIN, startFunction } from '../local/functions.ts';
import { openTestPool } from '../support/open-test-pool.ts';
import { type Bench, median } from './bench.ts';
import { fillControl, viewName } from './fill-control.ts';
import { lookAtProcess } from './look-at-process.ts';

const VIEWS = 200;
const WARM_UP = 3;

type Answer = { status: number; ms: number; bytes: number; body: string };
type Figures = { median_ms: number; p95_ms: number; bytes: number };

/**
 * Measures the pages of `admin` over a control database of `rows` ETL transactions and 200 views: for each page the time from the request to
 * the last byte of its answer, and its size as it is sent, compressed; the first load of the overview with all its assets; and the download
 * of all transactions. The function runs in a process of its own, under the Functions Framework. A page that does not exist is left out.
 */
export const adminBench: Bench = {
  maxRows: 10_000_000,
  rows: 1_000_000,
  rounds: 100,
  async run({ rows, rounds, report }) {
    await using resources = new AsyncDisposableStack();
    const postgres = resources.adopt(await startPostgres(), (each) => each.stop());
    await postgres.createDatabase('control');
    const url = postgres.url('control');
    report(`filling a control database with ${rows} transactions of ${VIEWS} views`);
    const settings = { STATEMENT_TIMEOUT_SECONDS: '3600' };
    const pool = resources.adopt(openTestPool(url, { max: 1, settings }), (each) => each.end());
    await migrate(pool);
    await fillControl(pool, { transactions: rows, views: VIEWS });
    const pages = await pagesOf(async (sql) => (await pool.query(sql)).rows[0] ?? {});
    const env = {
      GOOGLE_CLOUD_PROJECT: 'smart-project',
      SOURCE_DATABASE_URL: url,
      CONTROL_DATABASE_URL: url,
      STAGING_BUCKET: 'staging',
      BIGQUERY_LOCATION: 'EU',
      LOG_LEVEL: 'warn',
    };
    const admin = await startFunction(ADMIN, { env, anyPort: true, onLine: report });
    resources.defer(() => admin.process.stop());
    const agent = resources.adopt(new Agent({ keepAlive: true }), (each) => each.destroy());
    const ask = (path: string) => request(new URL(path, admin.url), agent);

    const measured: Record<string, Figures> = {};
    for (const [name, path] of Object.entries(pages)) {
      const figures = await measurePage(() => ask(path), rounds);
      if (figures === null) {
        report(`${name}: there is no such page`);
        continue;
      }
      measured[name] = figures;
      report(`${name}: median ${figures.median_ms} ms, p95 ${figures.p95_ms} ms, ${figures.bytes} bytes`);
    }
    const firstLoadBytes = await firstLoad(ask);
    report(`first load of the overview: ${firstLoadBytes} bytes`);
    const download = await ask('/transactions.csv');
    const seconds = Number((download.ms / 1000).toFixed(1));
    report(`download of all transactions: ${seconds} s, ${download.bytes} bytes`);
    const { peakRssMb = null } = (await lookAtProcess(admin.process.pid)) ?? {};
    const peak = peakRssMb === null ? null : Math.round(peakRssMb);
    report(`peak memory of the function: ${peak ?? 'unknown'} MB`);
    return {
      rows,
      views: VIEWS,
      first_load_bytes: firstLoadBytes,
      pages: measured,
      peak_rss_mb: peak,
      download: { seconds, bytes: download.bytes },
    };
  },
};

/** The addresses of the pages; those of one transaction and one check, and the place in the middle of the list, by what the database has. */
async function pagesOf(
  one: (sql: string) => Promise<Record<string, unknown>>,
): Promise<Record<string, string>> {
  const place = `(extract(epoch from started_at) * 1000000)::int8 || '-' || id as place`;
  const { id, place: middle } = await one(
    `select id, ${place} from etl.etl_transaction where state = 'applied' order by id offset (select count(*) / 2 from etl.etl_transaction) limit 1`,
  );
  const { check } = await one('select max(id) as check from etl.consistency_check where different > 0');
  const { group } = await one(
    `select md5(concat_ws(chr(31), kind, coalesce(code, ''), function_name, reason)) as group from etl.etl_error
     where resolved_at is null limit 1`,
  );
  const view = viewName(17);
  return {
    overview: '/',
    transactions: '/transactions',
    transactions_of_view: `/transactions?view=${view}`,
    transactions_filtered: `/transactions?view=${view}&state=abandoned&consistent=unknown`,
    transactions_that_differ: '/transactions?consistent=no',
    transactions_that_are_equal: '/transactions?consistent=yes',
    transactions_abandoned: '/transactions?state=abandoned',
    transactions_deep: `/transactions?older=${middle}`,
    transactions_deep_backwards: `/transactions?newer=${middle}`,
    transaction: `/transactions/${id}`,
    failures: '/failures',
    failures_of_group: `/failures?group=${group}`,
    failures_resolved: '/failures?status=resolved',
    view: `/views/${view}`,
    pause: `/views/${view}/pause`,
    consistency: '/consistency',
    check: `/consistency/${check}`,
    sources: '/sources',
    audit: '/audit',
    report: `/report/${new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)}`,
  };
}

/** Null for a page that does not exist. Throws when it is not answered. */
async function measurePage(ask: () => Promise<Answer>, rounds: number): Promise<Figures | null> {
  const answers: Answer[] = [];
  for (let n = -WARM_UP; n < rounds; n += 1) {
    const answer = await ask();
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw new Error(`the page answered ${answer.status}: ${answer.body}`);
    if (n >= 0) answers.push(answer);
  }
  const times = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    median_ms: Number(median(times).toFixed(1)),
    p95_ms: Number((times[Math.ceil(times.length * 0.95) - 1] ?? 0).toFixed(1)),
    bytes: Math.max(...answers.map(({ bytes }) => bytes)),
  };
}

/** The bytes of the overview and of every file that it names, in an empty browser. */
async function firstLoad(ask: (path: string) => Promise<Answer>): Promise<number> {
  const page = await ask('/');
  const assets = [...page.body.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
  const answers = await Promise.all(assets.map(ask));
  return answers.reduce((sum, { bytes }) => sum + bytes, page.bytes);
}

/** Asks as a browser does that accepts compressed answers. `bytes` is the size of the body as it is sent. */
function request(url: URL, agent: Agent): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const startedMs = performance.now();
  get(url, { agent, headers: { 'accept-encoding': 'gzip' } }, (response) => {
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    const isText = response.headers['content-type']?.startsWith('text/html') === true;
    const unpacked =
      response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response;
    // A download is measured, not kept.
    (isText ? text(unpacked) : finished(unpacked.resume()).then(() => '')).then(
      (body) => resolve({ status: response.statusCode ?? 0, ms: performance.now() - startedMs, bytes, body }),
      reject,
    );
  }).once('error', reject);
  return promise;
}

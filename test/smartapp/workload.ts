import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Change, WriterContext } from './django-request.ts';
import { MODELS } from './models.ts';
import { Random } from './random.ts';
import { type Key, SCENARIOS, type Scenario } from './scenarios.ts';
import { UNLOGGED_SCENARIOS } from './unlogged-scenarios.ts';
import { type LogTiming, type Outcome, Writer } from './writer.ts';

/** The application name of its connections. */
export const WORKLOAD_NAME = 'smartapp-workload';

export interface WorkloadOptions {
  /** For a role that may write to SMartApp's tables. */
  connectionString: string;
  /** Default 1. With one writer and a fixed clock, the same seed on the same data makes the same changes. */
  seed?: number;
  /** Number of concurrent connections, each of which serves one request after the other. Default 4. */
  writers?: number;
  /** Also makes changes without log rows, which only a comparison can find. Default false. */
  unlogged?: boolean;
  clock?: () => Date;
  /** How long some log transactions stay open, so that later ones with higher ids commit first. Default 1,000 to 1,500. */
  holdMs?: readonly [lowest: number, highest: number];
  /** Called after the commit of each row change, before its log row is written. */
  onChange?: (change: Change) => void;
}

export interface WorkloadReport {
  /** Row changes that were committed. */
  changes: number;
  logRows: number;
  /** Number of requests by scenario that did what the scenario describes. */
  requests: Record<string, number>;
  /** Number of requests that were rolled back because of a conflict with another writer. */
  conflicts: number;
  /** Number of log transactions that began some time after the commit of their data. */
  lateLogs: number;
  /** Number of log transactions that stayed open while later ones with higher ids were committed. */
  heldLogs: number;
}

const LATE_EVERY_REQUESTS = 20;
const HELD_EVERY_REQUESTS = 200;
const MAX_PAUSE_MS = 20;
const MAX_HELD = 8;
const MAX_DELETED_KEYS = 500;

/**
 * Writes to SMartApp as the application does. A request changes rows in one transaction; a second transaction writes the log
 * rows that the middleware collected: at once, later, or so late that others overtake it. Each kind of request occurs once
 * before requests are chosen by weight.
 */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #scenarios: readonly Scenario[];
  readonly #deletedKeys: Key[] = [];
  readonly #randoms: Random[];
  /** Kinds of requests that have not occurred yet. */
  readonly #due: Scenario[];
  readonly #report: WorkloadReport = {
    changes: 0,
    logRows: 0,
    requests: {},
    conflicts: 0,
    lateLogs: 0,
    heldLogs: 0,
  };
  #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: WorkloadOptions) {
    const { seed = 1, writers = 4, unlogged = false } = options;
    this.#options = options;
    this.#scenarios = unlogged ? [...SCENARIOS, ...UNLOGGED_SCENARIOS] : SCENARIOS;
    this.#due = [...this.#scenarios];
    this.#randoms = Array.from({ length: writers }, (_, writer) => new Random(seed * 1000 + writer));
  }

  /** The totals of all runs so far. */
  get report(): WorkloadReport {
    return { ...this.#report, requests: { ...this.#report.requests } };
  }

  /**
   * Commits about that many row changes as fast as it can, and resolves when all their log rows are committed. A further run
   * continues where this one ended. Throws any error of a request except a conflict. If the server stops between the commit
   * of data and the commit of their log rows, the changes stay unlogged, as in production.
   */
  async run({ changes }: { changes: number }): Promise<WorkloadReport> {
    const enough = this.#report.changes + changes;
    await this.#serve(async () => this.#report.changes < enough);
    return this.report;
  }

  /**
   * Runs in the background until it is stopped.
   *
   * @param changesPerSecond average rate; the workload catches up after pauses
   */
  start({ changesPerSecond }: { changesPerSecond: number }): void {
    if (this.#running !== undefined) throw new Error('the workload is already running');
    const startedAt = performance.now();
    const changesBefore = this.#report.changes;
    this.#running = this.#serve(async (signal) => {
      const dueMs = ((this.#report.changes - changesBefore) / changesPerSecond) * 1000;
      const waitMs = startedAt + dueMs - performance.now();
      if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
      return !signal.aborted;
    });
    // `stop` reports a failure; until then it must not count as an unhandled rejection.
    this.#running.catch(() => undefined);
  }

  /** Resolves when the current requests have ended and their log rows are committed. Throws any error of a request. */
  async stop(): Promise<WorkloadReport> {
    this.#stopping.abort();
    const running = this.#running;
    this.#running = undefined;
    await running;
    return this.report;
  }

  async #serve(shouldContinue: (signal: AbortSignal) => Promise<boolean>): Promise<void> {
    const { connectionString, clock = () => new Date() } = this.#options;
    this.#stopping = new AbortController();
    const connection: pg.ClientConfig = {
      connectionString,
      options: '-c timezone=UTC',
      application_name: WORKLOAD_NAME,
    };
    const holders = new pg.Pool({ ...connection, max: MAX_HELD });
    const writers = this.#randoms.map((random) => ({ random, client: new pg.Client(connection) }));
    const clients = writers.map(({ client }) => client);
    // A lost connection fails the next query; its error event must not end the process.
    for (const client of clients) client.on('error', () => undefined);
    holders.on('error', () => undefined);
    // The pool itself listens only to idle clients.
    holders.on('connect', (client) => client.on('error', () => undefined));
    try {
      for (const client of clients) await client.connect();
      const highestId = await highestIds(holders);
      const outcomes = await Promise.allSettled(
        writers.map(({ random, client }) =>
          this.#keepServing(new Writer(client, holders), { random, clock, highestId }, shouldContinue),
        ),
      );
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    } finally {
      await Promise.all([...clients, holders].map((connected) => connected.end()));
    }
  }

  async #keepServing(
    writer: Writer,
    context: WriterContext,
    shouldContinue: (signal: AbortSignal) => Promise<boolean>,
  ): Promise<void> {
    const { signal } = this.#stopping;
    try {
      for (let request = 1; !signal.aborted && (await shouldContinue(signal)); request++) {
        // Only every second request, because a due scenario may need results of others: a deleted key, a row outside its view.
        const due = request % 2 === 1 ? this.#due.shift() : undefined;
        const scenario = due ?? this.#choose(context.random);
        const timing = this.#timing(request, context.random);
        const outcome = await writer.serve(scenario, context, {
          deletedKeys: this.#deletedKeys,
          timing,
          onCommit: (changes) => this.#record(changes),
        });
        const hasOccurred = this.#count(scenario, timing, outcome);
        if (due !== undefined && !hasOccurred) this.#due.push(due);
      }
    } finally {
      // When one writer ends or fails, the others end too.
      this.#stopping.abort();
      await writer.untilLogsCommitted();
    }
  }

  #choose(random: Random): Scenario {
    const chosen = this.#scenarios[random.weighted(this.#scenarios.map(({ weight }) => weight))];
    if (chosen === undefined) throw new Error('there is no scenario');
    return chosen;
  }

  #timing(request: number, random: Random): LogTiming {
    const [lowestHoldMs, highestHoldMs] = this.#options.holdMs ?? [1000, 1500];
    if (request % HELD_EVERY_REQUESTS === 5) return { holdMs: random.between(lowestHoldMs, highestHoldMs) };
    if (request % LATE_EVERY_REQUESTS === 3) return { pauseMs: random.between(1, MAX_PAUSE_MS) };
    return 'at once';
  }

  #record(changes: readonly Change[]): void {
    this.#report.changes += changes.length;
    for (const change of changes) this.#options.onChange?.(change);
    const actionByKey = new Map(
      changes.map(({ model, id, action }) => [`${model} ${id}`, { model, id, action }]),
    );
    for (const { model, id, action } of actionByKey.values()) {
      if (action === 'deleted') this.#deletedKeys.push({ model, id });
    }
    this.#deletedKeys.splice(0, this.#deletedKeys.length - MAX_DELETED_KEYS);
  }

  /** Counts the request; returns whether it did what its scenario describes. */
  #count(scenario: Scenario, timing: LogTiming, outcome: Outcome): boolean {
    const report = this.#report;
    if (outcome.kind === 'conflict') report.conflicts += 1;
    if (outcome.kind === 'conflict' || outcome.kind === 'nothing to do') return false;
    report.requests[scenario.name] = (report.requests[scenario.name] ?? 0) + 1;
    if (outcome.kind === 'committed' && outcome.logRows > 0) {
      report.logRows += outcome.logRows;
      if (timing !== 'at once') report['holdMs' in timing ? 'heldLogs' : 'lateLogs'] += 1;
    }
    return true;
  }
}

async function highestIds(pool: pg.Pool): Promise<Map<string, number>> {
  const tables = Object.values(MODELS).map(({ table }) => table);
  const { rows } = await pool.query<{ name: string; id: string }>(
    tables
      .map((table) => `select '${table}' as name, coalesce(max(id), 0) as id from ${table}`)
      .join(' union all '),
  );
  return new Map(rows.map(({ name, id }) => [name, Number(id)]));
}

import type { Engine, Session } from './engine.ts';
import { unsupported } from './error.ts';
import { Turns } from './turns.ts';

/** How much of the past the emulator remembers. DuckDB slows down with the old versions of rows that it must keep. */
export interface HistoryLimits {
  readonly changes: number;
  readonly minutes: number;
  /** Rows that were updated or deleted. A row that was only inserted has no old version. */
  readonly rows: number;
}

const DEFAULT_LIMITS: HistoryLimits = { changes: 256, minutes: 10, rows: 500_000 };

/** The state of the database between two changes. */
interface Moment {
  /** A connection whose open transaction sees this state. */
  readonly session: Session;
  readonly turns: Turns;
  /** The time of the change that ended this state, in microseconds. */
  readonly until: number;
  /** The rows that this change updated or deleted. */
  readonly rewrittenRows: number;
}

/**
 * The past of the database, for as long as it is remembered: before each change a transaction of DuckDB begins, which goes on seeing the rows
 * as they were. A restart forgets the past.
 * https://cloud.google.com/bigquery/docs/time-travel
 */
export class History {
  readonly #engine: Engine;
  readonly #limits: HistoryLimits;
  /** In the order of time. */
  readonly #moments: Moment[] = [];
  /** Connections of forgotten moments, to be used again. */
  readonly #idle: Session[] = [];
  /** Between a moment and the change that ends it no other change may commit. */
  readonly #commits = new Turns();
  readonly #forgetting = new Turns();
  #earliest: number;

  constructor(engine: Engine, limits: Partial<HistoryLimits> = {}) {
    this.#engine = engine;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#earliest = engine.clock.now();
  }

  /** Runs a change in a transaction of its own, which the history remembers. */
  async change<T>(session: Session, work: () => Promise<T>): Promise<T> {
    return await session.transaction(work, () => this.commit(session));
  }

  /** Commits the open transaction of a session. The changes have the time at which this resolves. */
  async commit(session: Session): Promise<void> {
    await this.#commits.run(async () => {
      const before = await this.#begin();
      try {
        await session.run('commit');
      } catch (error) {
        await this.#end(before);
        throw error;
      }
      const until = this.#engine.clock.now();
      const rewrittenRows = session.takeRewrittenRows();
      this.#moments.push({ session: before, turns: new Turns(), until, rewrittenRows });
      this.#forget(until);
    });
  }

  /**
   * Reads the database as it was at a time, in microseconds, which is not in the future. The work only reads, and no statement of it fails:
   * a failed one would end the transaction that sees this time.
   * @throws BigQueryError for a time that is no longer remembered.
   */
  async at<T>(time: number, work: (session: Session) => Promise<T>): Promise<T> {
    if (time < this.#earliest) {
      const { changes, minutes, rows } = this.#limits;
      throw unsupported(
        `this time of FOR SYSTEM_TIME AS OF: it remembers at most ${changes} changes, ${minutes} minutes and ${rows} changed rows, and nothing before its start`,
      );
    }
    const moment = this.#moments.find(({ until }) => time < until);
    if (moment) return await moment.turns.run(() => work(moment.session));
    const present = await this.#commits.run(async () => {
      // A change may have come in between.
      const changed = this.#moments.some(({ until }) => time < until);
      return changed ? undefined : await this.#begin();
    });
    if (!present) return await this.at(time, work);
    try {
      return await work(present);
    } finally {
      await this.#end(present);
    }
  }

  /** Ends the transactions. No change and no reading may be under way. */
  async close(): Promise<void> {
    await this.#forgetting.run(async () => {
      for (const { session } of this.#moments) session.close();
      for (const session of this.#idle) session.close();
    });
  }

  /** A connection that sees the present state from now on. */
  async #begin(): Promise<Session> {
    const session = this.#idle.pop() ?? (await this.#engine.connect());
    await session.run('begin transaction');
    // The first statement decides what the transaction sees.
    await session.query('select * from catalog.record limit 0');
    return session;
  }

  async #end(session: Session): Promise<void> {
    await session.run('rollback');
    this.#idle.push(session);
  }

  #forget(now: number): void {
    let rows = this.#moments.reduce((sum, { rewrittenRows }) => sum + rewrittenRows, 0);
    for (let [oldest] = this.#moments; oldest; [oldest] = this.#moments) {
      const isOld = oldest.until <= now - this.#limits.minutes * 60_000_000;
      if (!isOld && this.#moments.length <= this.#limits.changes && rows <= this.#limits.rows) return;
      const { session, turns, until, rewrittenRows } = oldest;
      this.#moments.shift();
      this.#earliest = until;
      rows -= rewrittenRows;
      void this.#forgetting.run(() => turns.run(() => this.#end(session)));
    }
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { type Change, DjangoRequest, NothingToDo, type Surroundings } from './django-request.ts';
import { insertLogRows, type LogRow } from './log-row.ts';
import type { Key, Scenario } from './scenarios.ts';

/** When the log rows of a request follow its commit. */
export type LogTiming = 'at once' | { pauseMs: number } | { holdMs: number };

/** What became of a request; `conflict`: another writer was in the way, and everything was rolled back. */
export type Outcome =
  | { kind: 'committed'; changes: readonly Change[]; logRows: number }
  | { kind: 'rolled back' | 'nothing to do' | 'conflict' };

/** SQLSTATEs: deadlock, serialization failure, a foreign key or unique key that another writer has just changed. */
const CONFLICTS = new Set<unknown>(['40P01', '40001', '23503', '23505']);

/** One worker process of the application: serves one request after the other on its own connection. */
export class Writer {
  readonly #client: pg.Client;
  readonly #holders: pg.Pool;
  readonly #held = new Set<Promise<void>>();

  /** @param holders connections for log transactions that stay open while this writer goes on */
  constructor(client: pg.Client, holders: pg.Pool) {
    this.#client = client;
    this.#holders = holders;
  }

  /**
   * Serves a request of that kind. The answer comes when its log rows are committed, or, if that transaction is to be
   * held open, when they are inserted.
   *
   * @param onCommit called between the data's commit and the log's
   */
  async serve(
    scenario: Scenario,
    surroundings: Surroundings,
    {
      deletedKeys,
      timing,
      onCommit,
    }: { deletedKeys: Key[]; timing: LogTiming; onCommit: (changes: readonly Change[]) => void },
  ): Promise<Outcome> {
    const request = new DjangoRequest(this.#client, surroundings);
    try {
      await this.#client.query('begin');
      await scenario.run(request, deletedKeys);
      await this.#client.query(scenario.ending === 'rolls back' ? 'rollback' : 'commit');
    } catch (error) {
      const kind = reasonToGiveUp(error);
      if (kind === undefined) throw error;
      await this.#client.query('rollback');
      return { kind };
    }

    const { changes, logRows } = request;
    if (scenario.ending === 'rolls back') {
      await this.#writeLog(logRows, 'rollback');
      return { kind: 'rolled back' };
    }
    onCommit(changes);
    if (scenario.ending === 'loses its log rows') return { kind: 'committed', changes, logRows: 0 };
    await this.#deliver(logRows, timing);
    return { kind: 'committed', changes, logRows: logRows.length };
  }

  /** Resolves when every log transaction that was held open is committed. */
  async settle(): Promise<void> {
    await Promise.all(this.#held);
  }

  async #deliver(logRows: LogRow[], timing: LogTiming): Promise<void> {
    if (logRows.length === 0) return;
    if (timing === 'at once') return this.#writeLog(logRows, 'commit');
    if ('holdMs' in timing) return this.#holdLog(logRows, timing.holdMs);
    await delay(timing.pauseMs);
    return this.#writeLog(logRows, 'commit');
  }

  async #writeLog(logRows: LogRow[], end: 'commit' | 'rollback'): Promise<void> {
    await this.#client.query('begin');
    await insertLogRows(this.#client, logRows);
    await this.#client.query(end);
  }

  async #holdLog(logRows: LogRow[], holdMs: number): Promise<void> {
    const client = await this.#holders.connect();
    const giveUp = (error: unknown): never => {
      client.release(true);
      throw error;
    };
    await client
      .query('begin')
      .then(() => insertLogRows(client, logRows))
      .catch(giveUp);
    const committed = delay(holdMs)
      .then(() => client.query('commit'))
      .then(() => client.release(), giveUp);
    this.#held.add(committed);
    // A failure is reported by settle; until then it must not count as unhandled.
    committed.then(() => this.#held.delete(committed)).catch(() => undefined);
  }
}

function reasonToGiveUp(error: unknown): 'nothing to do' | 'conflict' | undefined {
  if (error instanceof NothingToDo) return 'nothing to do';
  return error instanceof Error && 'code' in error && CONFLICTS.has(error.code) ? 'conflict' : undefined;
}

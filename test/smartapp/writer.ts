import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { type Change, DjangoRequest, NothingToDo, type WriterContext } from './django-request.ts';
import { insertLogRows, type LogRow } from './log-row.ts';
import type { Key, Scenario } from './scenarios.ts';

/** When the log rows of a request are written after its commit. */
export type LogTiming = 'at once' | { pauseMs: number } | { holdMs: number };

/** The outcome of a request; `conflict` means that it was rolled back because of another writer. */
export type Outcome =
  | { kind: 'committed'; changes: readonly Change[]; logRows: number }
  | { kind: 'rolled back' | 'nothing to do' | 'conflict' };

/** SQLSTATEs of a deadlock, a serialization failure, and a foreign key or unique key that another writer has just changed. */
const CONFLICTS = new Set<unknown>(['40P01', '40001', '23503', '23505']);

/** Acts as one worker process of the application: serves one request after the other on its own connection. */
export class Writer {
  readonly #client: pg.Client;
  readonly #holders: pg.Pool;
  readonly #held = new Set<Promise<void>>();

  /** @param holders connections for log transactions that stay open while this writer continues */
  constructor(client: pg.Client, holders: pg.Pool) {
    this.#client = client;
    this.#holders = holders;
  }

  /**
   * Serves one request of that kind. Resolves when its log rows are committed or, if their transaction is held open, when they
   * are inserted.
   *
   * @param onCommit called after the data are committed and before the log rows are
   */
  async serve(
    scenario: Scenario,
    context: WriterContext,
    {
      deletedKeys,
      timing,
      onCommit,
    }: { deletedKeys: Key[]; timing: LogTiming; onCommit: (changes: readonly Change[]) => void },
  ): Promise<Outcome> {
    const request = new DjangoRequest(this.#client, context);
    try {
      await this.#client.query('begin');
      await scenario.run(request, deletedKeys);
      await this.#client.query(scenario.ending === 'rolls back' ? 'rollback' : 'commit');
    } catch (error) {
      const kind = expectedOutcome(error);
      if (kind === undefined) throw error;
      await this.#client.query('rollback');
      return { kind };
    }

    const { changes, logRows } = request;
    if (scenario.ending === 'rolls back') {
      await this.#insertLogRows(logRows, 'rollback');
      return { kind: 'rolled back' };
    }
    onCommit(changes);
    if (scenario.ending === 'loses its log rows') return { kind: 'committed', changes, logRows: 0 };
    await this.#writeLogRows(logRows, timing);
    return { kind: 'committed', changes, logRows: logRows.length };
  }

  /** Resolves when every held log transaction is committed. */
  async untilLogsCommitted(): Promise<void> {
    await Promise.all(this.#held);
  }

  async #writeLogRows(logRows: LogRow[], timing: LogTiming): Promise<void> {
    if (logRows.length === 0) return;
    if (timing === 'at once') return this.#insertLogRows(logRows, 'commit');
    if ('holdMs' in timing) return this.#holdLogRows(logRows, timing.holdMs);
    await delay(timing.pauseMs);
    return this.#insertLogRows(logRows, 'commit');
  }

  async #insertLogRows(logRows: LogRow[], end: 'commit' | 'rollback'): Promise<void> {
    await this.#client.query('begin');
    await insertLogRows(this.#client, logRows);
    await this.#client.query(end);
  }

  async #holdLogRows(logRows: LogRow[], holdMs: number): Promise<void> {
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
    // `untilLogsCommitted` reports a failure; until then it must not count as an unhandled rejection.
    committed.then(() => this.#held.delete(committed)).catch(() => undefined);
  }
}

function expectedOutcome(error: unknown): 'nothing to do' | 'conflict' | undefined {
  if (error instanceof NothingToDo) return 'nothing to do';
  return error instanceof Error && 'code' in error && CONFLICTS.has(error.code) ? 'conflict' : undefined;
}

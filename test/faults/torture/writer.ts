import pg from 'pg';
import type { Random } from '../../smartapp/random.ts';
import { changeStatement, logStatement } from './application.ts';
import type { Ticks } from './ticks.ts';
import { Planner, type Step } from './transaction-plan.ts';

/** When two writers wait for each other's rows, PostgreSQL cancels one, whose transaction is then rolled back. */
const DEADLOCK = '40P01';

/** One connection of the application, which runs one transaction after another. */
export class Writer {
  transactions = 0;
  readonly #planner: Planner;
  readonly #client: pg.Client;
  readonly #ticks: Ticks;

  constructor(url: string, options: { writer: number; random: Random; ticks: Ticks }) {
    this.#planner = new Planner(options.random, options.writer);
    this.#client = new pg.Client({ connectionString: url, options: '-c deadlock_timeout=20ms' });
    this.#ticks = options.ticks;
  }

  /** Runs complete plans until `isEnough` accepts the number of finished transactions, committed or not. */
  async runUntil(isEnough: (transactions: number) => boolean): Promise<void> {
    await this.#client.connect();
    try {
      while (!isEnough(this.transactions)) {
        for (const steps of this.#planner.next()) {
          await this.#transaction(steps);
          this.transactions += 1;
        }
      }
    } finally {
      await this.#client.end();
    }
  }

  async #transaction(steps: Step[]): Promise<void> {
    await this.#client.query('begin');
    try {
      for (const step of steps) await this.#do(step);
    } catch (error) {
      if ((error as { code?: string }).code !== DEADLOCK) throw error;
      await this.#client.query('rollback');
    }
  }

  async #do(step: Step): Promise<void> {
    switch (step.do) {
      case 'change':
        await this.#client.query(changeStatement(step.change));
        break;
      case 'log':
        await this.#client.query(logStatement(step.changes, step.strays, step.slowly));
        break;
      case 'savepoint':
      case 'release':
      case 'rollback to':
        await this.#client.query(`${step.do} ${step.name}`);
        break;
      case 'hold':
        await this.#ticks.passed(step.ticks);
        break;
      case 'commit':
      case 'rollback':
        await this.#client.query(step.do);
    }
  }
}

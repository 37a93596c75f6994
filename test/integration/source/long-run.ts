import assert from 'node:assert/strict';
import type pg from 'pg';
import { MAX_HORIZONS } from '../../../shared/model/checkpoint.ts';
import { type Items, SEQUENCE } from './items.ts';
import { makeViewSource } from './make-view-source.ts';
import { Replica } from './replica.ts';
import { holesAndRanges } from './schedules.ts';

/** A step of the traffic beside the long transaction; a writer has at most one transaction open. */
export type Step =
  | { do: 'add' | 'log another type' | 'draw and forget' | 'capture' }
  | { do: 'add in a transaction' | 'commit' | 'roll back'; writer: number };

export const WRITERS = 3;

/** Runs traffic and captures beside a transaction that stays open from the first step to the last, and checks every capture. */
export class LongRun {
  readonly #items: Items;
  readonly #replica: Replica;
  readonly #long: { client: pg.Client; lowId: bigint };
  readonly #writers: { client: pg.Client; added: number }[];
  /** How many log rows of items were committed, and how many the captures carried. */
  #committed = 0;
  #carried = 0;

  private constructor(
    items: Items,
    replica: Replica,
    long: { client: pg.Client; lowId: bigint },
    writers: pg.Client[],
  ) {
    this.#items = items;
    this.#replica = replica;
    this.#long = long;
    this.#writers = writers.map((client) => ({ client, added: 0 }));
  }

  static async begin(items: Items): Promise<LongRun> {
    const { connect, pool } = items.source;
    const replica = await Replica.load(pool, makeViewSource());
    // Twice, so that the floor passes the log rows of earlier runs.
    await replica.capture();
    await replica.capture();
    const client = await connect();
    await client.query('begin');
    const lowId = await items.add(client);
    const writers = await Promise.all(Array.from({ length: WRITERS }, connect));
    return new LongRun(items, replica, { client, lowId }, writers);
  }

  async step(step: Step): Promise<void> {
    const { pool } = this.#items.source;
    switch (step.do) {
      case 'add':
        await this.#items.add(pool);
        this.#committed += 1;
        break;
      case 'log another type':
        await this.#items.log(pool, 'whatever', { type: 'other' });
        break;
      case 'draw and forget':
        await pool.query(`select nextval('${SEQUENCE}')`);
        break;
      case 'capture':
        await this.#capture();
        assert.ok(
          this.#replica.checkpoint.floorId < this.#long.lowId,
          'the floor passed an open transaction',
        );
        break;
      case 'add in a transaction':
      case 'commit':
      case 'roll back':
        await this.#write(step.do, step.writer);
    }
  }

  /** Ends every transaction, the long one last, and captures what is left. */
  async end(): Promise<void> {
    for (const writer of this.#writers.keys()) await this.#write('commit', writer);
    await this.#capture();
    await this.#items.add(this.#long.client);
    await this.#long.client.query('commit');
    this.#committed += 2;
    await this.#capture();
    await this.#replica.assertEqualsView();
    assert.equal(this.#carried, this.#committed, 'log rows carried and log rows committed');
    await this.#capture();
    assert.ok(this.#replica.checkpoint.floorId > this.#long.lowId);
    assert.equal(this.#replica.checkpoint.seen, '{}');
    await this.#items.source.disconnect();
  }

  async #write(what: 'add in a transaction' | 'commit' | 'roll back', number: number): Promise<void> {
    const writer = this.#writers[number];
    if (writer === undefined) return;
    if (what === 'add in a transaction') {
      if (writer.added === 0) await writer.client.query('begin');
      await this.#items.add(writer.client);
      writer.added += 1;
    } else if (writer.added > 0) {
      await writer.client.query(what === 'commit' ? 'commit' : 'rollback');
      if (what === 'commit') this.#committed += writer.added;
      writer.added = 0;
    }
  }

  async #capture(): Promise<void> {
    this.#carried += Number((await this.#replica.capture()).logRows);
    assert.ok(this.#replica.checkpoint.horizons.length <= MAX_HORIZONS);
    const { holes, ranges } = await holesAndRanges(this.#items, this.#replica);
    assert.ok(ranges <= holes + 2, `${ranges} ranges, ${holes} holes`);
  }
}

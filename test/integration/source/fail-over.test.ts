import assert from 'node:assert/strict';
import pg from 'pg';
import type { Checkpoint } from '../../../shared/model/checkpoint.ts';
import { isRefusal } from './is-refusal.ts';
import { Items } from './items.ts';
import { makeViewSource } from './make-view-source.ts';
import { Replica } from './replica.ts';
import { openPool, useSource } from './use-source.ts';

describe('a source that becomes a copy of itself, as by a fail-over or a restored backup', () => {
  const source = useSource(Items.SCHEMA);
  const items = new Items(source);
  let copy: pg.Pool | undefined;
  let copies = 0;

  afterEach(() => copy?.end());

  /** Adds rows, and captures until the floor of a view has passed them all. */
  async function coverSome(): Promise<Replica> {
    const replica = await Replica.load(source.pool, makeViewSource());
    for (let rows = 0; rows < 3; rows++) await items.add(source.pool);
    for (let captures = 0; captures < 3; captures++) await replica.capture();
    return replica;
  }

  /** Makes a copy of the database with everything that is committed now. */
  async function makeCopy(): Promise<pg.Pool> {
    copies += 1;
    const admin = new pg.Client(source.postgres.url('template1'));
    await admin.connect();
    try {
      await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres'`);
      await admin.query(`create database copy_${copies} template postgres`);
    } finally {
      await admin.end();
    }
    copy = openPool(source.postgres.url(`copy_${copies}`));
    return copy;
  }

  /** Continues the captures of the view in the copy. */
  async function goOnIn(copied: pg.Pool, checkpoint: Checkpoint): Promise<Replica> {
    const replica = await Replica.load(copied, makeViewSource());
    replica.checkpoint = checkpoint;
    return replica;
  }

  it('is captured further if the copy has everything that was captured', async () => {
    const { checkpoint } = await coverSome();
    const copied = await makeCopy();
    const replica = await goOnIn(copied, checkpoint);

    await items.add(copied);

    assert.equal((await replica.capture()).logRows, 1n);
    await replica.assertEqualsView();
  });

  it('is refused if the copy lacks a log row that was captured', async () => {
    const replica = await coverSome();
    const copied = await makeCopy();
    const lastId = await items.add(source.pool);
    await replica.capture();

    await assert.rejects(
      (await goOnIn(copied, replica.checkpoint)).capture(),
      isRefusal(new RegExp(`ends at id \\d+, but id ${lastId} was already captured`), /Resync the view/),
    );
  });

  it('is refused if the copy lacked a captured log row and has added other rows since', async () => {
    const replica = await coverSome();
    const copied = await makeCopy();
    const lastId = await items.add(source.pool);
    await replica.capture();
    for (let rows = 0; rows < 3; rows++) await items.add(copied);

    await assert.rejects(
      (await goOnIn(copied, replica.checkpoint)).capture(),
      isRefusal(
        new RegExp(`row ${lastId} of \\S+ is not the row that was captured under that id`),
        /Resync the view/,
      ),
    );
  });

  it('is captured further if the copy lacks only log rows that were not captured', async () => {
    const { checkpoint } = await coverSome();
    const copied = await makeCopy();
    await items.add(source.pool);
    const replica = await goOnIn(copied, checkpoint);

    await items.add(copied);

    assert.equal((await replica.capture()).logRows, 1n);
    await replica.assertEqualsView();
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import type { Checkpoint, Witness } from '../../../shared/model/checkpoint.ts';
import { drawMarker, readLogState, readWitness } from '../../../shared/source/change-log.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { startPostgres } from '../../emulators/postgres.ts';
import { isRefusal } from './is-refusal.ts';
import { makeViewSource } from './make-view-source.ts';
import { Replica } from './replica.ts';
import { CONTENT_TYPE, LOG_TABLE, openPool, useSource } from './use-source.ts';

const SCHEMA = `
  create table item (id bigint primary key, name text, updated_at timestamptz);
  create view item_view as select id as item_id, name, updated_at from item;`;

const SEQUENCE = `${LOG_TABLE}_id_seq`;

describe('a source that cannot be captured exactly is refused with advice', () => {
  const source = useSource(SCHEMA);
  let replica: Replica;

  beforeEach(async () => {
    await source.pool.query(`truncate ${LOG_TABLE}, item restart identity`);
    await logItems(10);
    replica = await Replica.load(source.pool, makeViewSource());
    // Twice, so that the floor passes everything that is there.
    await replica.capture();
    await replica.capture();
  });

  /** Logs that many changes of items, in one statement; their ids follow each other. */
  async function logItems(count: number): Promise<void> {
    await source.pool.query(
      `with logged as (
         insert into ${LOG_TABLE} (object_id, content_type_id, action)
         select i::text, ${CONTENT_TYPE.item}, 'changed' from generate_series(1, $1::int) i returning object_id::bigint as id)
       insert into item (id) select id from logged on conflict (id) do update set name = 'changed'`,
      [count],
    );
  }

  const prune = (upTo: bigint | number) =>
    source.pool.query(`delete from ${LOG_TABLE} where id <= $1`, [upTo]);

  async function assertRefused(message: RegExp, advice: RegExp): Promise<void> {
    const before = replica.checkpoint;
    await assert.rejects(replica.capture(), isRefusal(message, advice));
    assert.deepEqual(replica.checkpoint, before);
  }

  async function assertUnharmed(): Promise<void> {
    await replica.captureAll();
    await replica.assertEqualsView();
  }

  describe('its server', () => {
    it('is a hot standby, whose snapshots do not list running transactions', async () => {
      const parent = await mkdtemp(join(tmpdir(), 'standby-test-'));
      const dataFolder = join(parent, 'data');
      try {
        const primary = await startPostgres({ dataFolder });
        const primaryPool = openPool(primary.url());
        await primaryPool.query(`create table ${LOG_TABLE} (id bigserial primary key, date_created timestamptz,
          content_type_id int, object_id text, action text)`);
        await primaryPool.end();
        await primary.stop();
        await writeFile(join(dataFolder, 'cluster', 'standby.signal'), '', { mode: 0o666 });
        const standby = await startPostgres({ dataFolder });
        const pool = openPool(standby.url());
        try {
          await assert.rejects(
            inSnapshot(pool, (client) => readLogState(client, LOG_TABLE, null)),
            isRefusal(/is a hot standby/, /Point SOURCE_DATABASE_URL at the primary/),
          );
          const unmarked: Checkpoint = {
            ...replica.checkpoint,
            horizons: [{ id: 10n, atMicros: 0n, marker: null }],
          };
          assert.deepEqual(await drawMarker(pool, unmarked, 1), unmarked);
        } finally {
          await pool.end();
          await standby.stop();
        }
      } finally {
        await rm(parent, { recursive: true });
      }
    });
  });

  describe('its version', () => {
    const unmarked = (): Checkpoint => ({
      ...replica.checkpoint,
      horizons: [{ id: 10n, atMicros: 0n, marker: null }],
    });
    const tooOld = isRefusal(
      /^PostgreSQL 13\.12 is too old: it has no multiranges$/,
      /PostgreSQL 14 or newer/,
    );

    it('is older than 14, whatever is read first', async () => {
      // Found before PostgreSQL's own function of that name.
      await source.pool.query(`
        create schema pretended;
        create function pretended.current_setting(name text) returns text language sql as $$
          select case name when 'server_version' then '13.12' when 'server_version_num' then '130012' end
        $$`);
      const pool = openPool(`${source.postgres.url()}?options=-csearch_path%3Dpretended,pg_catalog,public`);
      try {
        await assert.rejects(
          inSnapshot(pool, (client) => readLogState(client, LOG_TABLE, null)),
          tooOld,
        );
        await assert.rejects(drawMarker(pool, unmarked(), 1), tooOld);
      } finally {
        await pool.end();
      }
      await assertUnharmed();
    });
  });

  describe('its log sequence', () => {
    afterEach(() =>
      source.pool.query(
        `alter sequence ${SEQUENCE} increment by 1 cache 1 no cycle owned by ${LOG_TABLE}.id`,
      ),
    );

    it('caches ids, which a session may use at any later time', async () => {
      await source.pool.query(`alter sequence ${SEQUENCE} cache 20`);
      await assertRefused(/has CACHE 20/, /alter sequence \S+ cache 1/);
    });

    it('caches ids already when a view is loaded first', async () => {
      await source.pool.query(`alter sequence ${SEQUENCE} cache 2`);
      await assert.rejects(
        Replica.load(source.pool, makeViewSource()),
        isRefusal(/CACHE 2/, /alter sequence \S+ cache 1/),
      );
    });

    it('cycles, or descends, so that a later id may be lower', async () => {
      await source.pool.query(`alter sequence ${SEQUENCE} cycle`);
      await assertRefused(/cycles or descends/, /increment by 1 no cycle/);
      await source.pool.query(`alter sequence ${SEQUENCE} no cycle increment by -1`);
      await assertRefused(/cycles or descends/, /increment by 1 no cycle/);
    });

    it('is not that of the table, so that nobody knows how ids are drawn', async () => {
      await source.pool.query(`alter sequence ${SEQUENCE} owned by none`);
      await assertRefused(/drawn from no sequence/, /a sequence of the table draws/);
    });
  });

  describe('its log', () => {
    it('has another row where the last covered one was', async () => {
      await source.pool.query(`update ${LOG_TABLE} set object_id = 'other' where id = 10`);
      await logItems(1);
      await assertRefused(/^row 10 of \S+ is not the row that was captured before$/, /Resync the view/);
    });

    it('ends below the last covered row, as after a restore or a failover to a server that was behind', async () => {
      await source.pool.query(`delete from ${LOG_TABLE} where id > 7`);
      await assertRefused(/ends at id 7, but id 10 was captured before/, /Resync the view/);
    });

    it('was emptied and its sequence set back', async () => {
      await prune(10);
      await source.pool.query(`select setval('${SEQUENCE}', 4)`);
      await assertRefused(/but id 10 was captured before/, /Resync the view/);
    });

    it('was pruned beyond the last covered row, uncovered ones included', async () => {
      await logItems(5);
      await prune(13);
      await assertRefused(
        /begins at id 14, but ids from 11 on are not covered yet/,
        /Resync the view; prune only/,
      );
    });

    it('was emptied with uncovered rows in it', async () => {
      await logItems(1);
      await prune(11);
      await assertRefused(/begins at nothing, but ids from 11 on are not covered yet/, /Resync the view/);
    });

    it('was pruned into the rows that a cut batch left', async () => {
      replica = await Replica.load(source.pool, makeViewSource(), { maxLogRows: 2 });
      await logItems(5);
      await replica.capture();
      assert.equal(replica.checkpoint.witness?.id, 12n);
      await prune(13);
      await assertRefused(/begins at id 14, but ids from 13 on are not covered yet/, /Resync the view/);
    });

    it('was pruned beyond a row that committed late and that no capture saw', async () => {
      const writer = await source.connect();
      await writer.query('begin');
      const late = `insert into ${LOG_TABLE} (object_id, content_type_id, action) values ('1', 7, 'changed')`;
      await writer.query(late);
      await logItems(1);
      await replica.capture();
      await replica.capture();
      await writer.query('commit');
      await prune(12);
      await logItems(1);
      await assertRefused(/begins at id 13, but ids from 11 on are not covered yet/, /Resync the view/);
    });
  });

  describe('but not when', () => {
    it('covered rows were pruned and the last covered one is there', async () => {
      await prune(9);
      await logItems(3);
      await assertUnharmed();
    });

    it('everything below the floor was pruned, and the ids after it were rolled back', async () => {
      assert.equal(replica.checkpoint.floorId, 10n);
      await prune(replica.checkpoint.floorId - 1n);
      await source.pool.query(`select nextval('${SEQUENCE}') from generate_series(1, 3)`);
      await logItems(3);
      await assertUnharmed();
    });

    it('covered rows were pruned, the last one too', async () => {
      await prune(10);
      await logItems(3);
      await assertUnharmed();
    });

    it('the log was emptied of covered rows, and goes on later', async () => {
      await prune(10);
      await assertUnharmed();
      await logItems(3);
      await assertUnharmed();
    });

    it('covered rows below a rolled-back id were pruned while the floor had not passed it', async () => {
      await source.pool.query(`select nextval('${SEQUENCE}')`);
      await logItems(2);
      await replica.capture();
      await prune(10);
      await logItems(1);
      await assertUnharmed();
    });
  });

  it('tells the same log row by the same witness, whatever the time zone of the role', async () => {
    const witnessIn = async (timeZone: string): Promise<Witness | null> => {
      await source.pool.query(`alter role postgres set timezone = '${timeZone}'`);
      const pool: pg.Pool = openPool(source.postgres.url());
      try {
        return await inSnapshot(pool, (client) => readWitness(client, LOG_TABLE, 10n));
      } finally {
        await pool.end();
        await source.pool.query('alter role postgres reset timezone');
      }
    };
    const witness = await witnessIn('Asia/Bangkok');
    assert.equal(witness?.id, 10n);
    assert.deepEqual(witness, await witnessIn('America/New_York'));
  });
});

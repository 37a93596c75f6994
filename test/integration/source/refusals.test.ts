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

  /** Logs so many changes of items in one statement, with consecutive log ids. */
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

  describe('if its server', () => {
    it('is a hot standby, whose snapshots do not list running transactions', async () => {
      const parent = await mkdtemp(join(tmpdir(), 'standby-test-'));
      const dataFolder = join(parent, 'data');
      try {
        const primary = await startPostgres({ dataFolder });
        const primaryPool = openPool(primary.url());
        await primaryPool.query(`create table ${LOG_TABLE} (id bigserial primary key, date_created timestamptz,
          content_type_id int, object_id text, action text, changed_data jsonb)`);
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

  describe('if its version', () => {
    const unmarked = (): Checkpoint => ({
      ...replica.checkpoint,
      horizons: [{ id: 10n, atMicros: 0n, marker: null }],
    });
    const tooOld = isRefusal(
      /^PostgreSQL 13\.12 is too old: it has no multiranges$/,
      /PostgreSQL 14 or newer/,
    );

    it('is older than 14, whichever query comes first', async () => {
      // The search path finds this before PostgreSQL's own function of the same name.
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

  describe('if its log sequence', () => {
    afterEach(() =>
      source.pool.query(
        `alter sequence ${SEQUENCE} increment by 1 cache 1 no cycle owned by ${LOG_TABLE}.id`,
      ),
    );

    it('caches ids, which a session may use at any later time', async () => {
      await source.pool.query(`alter sequence ${SEQUENCE} cache 20`);
      await assertRefused(/has CACHE 20/, /alter sequence \S+ cache 1/);
    });

    it('caches ids at the first load of a view', async () => {
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

    it('stands below the ids of the log, at every capture and at the first load of a view', async () => {
      const { rows } = await source.pool.query(`select max(id) from ${LOG_TABLE}`);
      await source.pool.query(`select setval('${SEQUENCE}', 1)`);
      const message = new RegExp(`stands at 1, below id ${rows[0].max} .* already captured`);
      const advice = new RegExp(`Run: select setval\\('${SEQUENCE}', ${rows[0].max}\\); Then resync`);
      await assertRefused(message, advice);
      await assert.rejects(
        inSnapshot(source.pool, (client) => readLogState(client, LOG_TABLE, null)),
        isRefusal(message, advice),
      );
      await source.pool.query(`select setval('${SEQUENCE}', 1, false)`);
      await assertRefused(/stands at 0/, advice);
    });

    it('has not drawn the ids that the checkpoint covers', async () => {
      replica.checkpoint = { ...replica.checkpoint, floorId: 99_999n };
      await assertRefused(/covers ids up to 99999.* none above/, /Resync the view/);
    });

    it('is not owned by the table, so that it is unknown how ids are drawn', async () => {
      await source.pool.query(`alter sequence ${SEQUENCE} owned by none`);
      await assertRefused(/no sequence owned by \S+ draws its ids/, /alter sequence \S+ owned by \S+\.id/);
    });
  });

  describe('if its log', () => {
    it('has another row under the id of the last covered one', async () => {
      await source.pool.query(`update ${LOG_TABLE} set object_id = 'other' where id = 10`);
      await logItems(1);
      await assertRefused(
        /^row 10 of \S+ is not the row that was captured under that id$/,
        /Resync the view/,
      );
    });

    it('ends below the last covered row, as after a restore or a failover to a server that was behind', async () => {
      await source.pool.query(`delete from ${LOG_TABLE} where id > 7`);
      await assertRefused(/ends at id 7, but id 10 was already captured/, /Resync the view/);
    });

    it('was emptied and its sequence was set back', async () => {
      await prune(10);
      await source.pool.query(`select setval('${SEQUENCE}', 4)`);
      await assertRefused(/but id 10 was already captured/, /Resync the view/);
    });

    it('was pruned beyond the last covered row', async () => {
      await logItems(5);
      await prune(13);
      await assertRefused(
        /begins at id 14, but ids from 11 on are not captured yet/,
        /Resync the view\. Prune only/,
      );
    });

    it('was emptied while it had uncovered rows', async () => {
      await logItems(1);
      await prune(11);
      await assertRefused(/it is empty, but ids from 11 on are not captured yet/, /Resync the view/);
    });

    it('was pruned into the rows that a cut batch left for its continuation', async () => {
      replica = await Replica.load(source.pool, makeViewSource(), { maxLogRows: 2 });
      await logItems(5);
      await replica.capture();
      assert.equal(replica.checkpoint.witness?.id, 12n);
      await prune(13);
      await assertRefused(/begins at id 14, but ids from 13 on are not captured yet/, /Resync the view/);
    });

    it('was pruned beyond a row that committed late and was not captured', async () => {
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
      await assertRefused(/begins at id 13, but ids from 11 on are not captured yet/, /Resync the view/);
    });
  });

  describe('but not if', () => {
    it('covered rows were pruned and the last covered one is still there', async () => {
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

    it('covered rows were pruned, including the last one', async () => {
      await prune(10);
      await logItems(3);
      await assertUnharmed();
    });

    it('the log had only covered rows when it was emptied, and grows again later', async () => {
      await prune(10);
      await assertUnharmed();
      await logItems(3);
      await assertUnharmed();
    });

    it('covered rows below a rolled-back id were pruned before the floor passed it', async () => {
      await source.pool.query(`select nextval('${SEQUENCE}')`);
      await logItems(2);
      await replica.capture();
      await prune(10);
      await logItems(1);
      await assertUnharmed();
    });
  });

  it('does not depend on the time zone of the role: a log row has the same witness in all of them', async () => {
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

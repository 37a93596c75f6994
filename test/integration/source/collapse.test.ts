import assert from 'node:assert/strict';
import fc from 'fast-check';
import type pg from 'pg';
import { DataHubError } from '../../../shared/errors.ts';
import type { Checkpoint } from '../../../shared/model/checkpoint.ts';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import {
  assertUniqueKeys,
  type Capture,
  type CaptureOptions,
  capture,
  captureInitial,
} from '../../../shared/source/capture.ts';
import { KEY_SETTING } from '../../../shared/source/collapse.ts';
import { describeView, type SourceView } from '../../../shared/source/describe-view.ts';
import { readVisibleIds } from '../../../shared/source/visible-ids.ts';
import { anyWorld } from './any-world.ts';
import { type ModelCapture, modelCapture, type World } from './collapse-model.ts';
import { KEY_CASES } from './key-cases.ts';
import { makeViewSource } from './make-view-source.ts';
import { CONTENT_TYPE, CONTENT_TYPE_TABLE, LOG_TABLE, useSource } from './use-source.ts';

const NUM_RUNS = 120;

/** A table with a key of the type, and its view. */
const itemTable = (type: string) => `
  create table item_${type} (id ${type} primary key, name text, note text, fax text, is_hidden boolean not null default false,
    company_id bigint references company, updated_at timestamptz);
  create view item_${type}_view as select i.id as item_id, i.name, c.name as company, i.updated_at
    from item_${type} i left join company c on c.id = i.company_id where not i.is_hidden;`;

describe('collapse', () => {
  const source = useSource(`
    create table company (id bigint primary key, name text, fax text);
    insert into company select i, 'company ' || i from generate_series(1, 3) i;
    select setval('${LOG_TABLE}_id_seq', 1000000); -- The tests choose lower ids.
    ${Object.keys(KEY_CASES).map(itemTable).join('')}`);
  let client: pg.PoolClient;

  beforeEach(async () => {
    client = await source.pool.connect();
    await client.query('begin isolation level repeatable read');
  });

  afterEach(async () => {
    await client.query('rollback');
    client.release();
  });

  const describeItems = (type: string, differing: Partial<ViewSource> = {}): Promise<SourceView> =>
    describeView(
      client,
      makeViewSource({
        name: `item_${type}_view`,
        mainTable: `item_${type}`,
        trackedColumns: ['note'],
        lookups: [{ table: 'company', contentTypeId: CONTENT_TYPE.company, column: 'company_id' }],
        ...differing,
      }),
      CONTENT_TYPE_TABLE,
    );

  const options = (differing: Partial<CaptureOptions> = {}) => ({
    logTable: LOG_TABLE,
    maxLogRows: 1_000,
    maxReadRows: 1_000,
    maxNullRows: 1_000,
    queuedKeys: [],
    ...differing,
  });

  /** Runs `work` and undoes what it wrote, even if one of its statements failed. */
  async function undone(work: () => Promise<void>): Promise<void> {
    await client.query('savepoint undone');
    await work().finally(() => client.query('rollback to savepoint undone'));
  }

  async function insertWorld(type: string, { items, log }: World): Promise<void> {
    await client.query(
      `insert into item_${type} (id, is_hidden, company_id)
       select key::${type}, "isHidden", "companyId" from jsonb_to_recordset($1) as r (key text, "isHidden" bool, "companyId" bigint)`,
      [JSON.stringify(items)],
    );
    await client.query(
      `insert into ${LOG_TABLE} (id, date_created, object_id, content_type_id, action, changed_data)
       select id, to_timestamp(id), "objectId", type, action, "changedData" -> 'json'
       from jsonb_to_recordset($1) as r (id bigint, "objectId" text, type int, action text, "changedData" jsonb)`,
      [JSON.stringify(log.map((row) => ({ ...row, type: CONTENT_TYPE[row.type] })))],
    );
  }

  async function capturedKeys(view: SourceView, setting: string): Promise<string[]> {
    const { rows } = await client.query(
      `select k::text as key from unnest(current_setting($1)::${view.keyType.sqlType}[]) as k`,
      [setting],
    );
    return rows.map((row) => row.key as string);
  }

  async function seenIds(seen: string): Promise<number[]> {
    const { rows } = await client.query(
      'select generate_series(lower(r), upper(r) - 1)::int as id from unnest($1::int8multirange) r',
      [seen],
    );
    return rows.map((row) => row.id as number);
  }

  async function captureWorld(view: SourceView, world: World): Promise<ModelCapture> {
    const captured = await capture(client, skipping(view, world), checkpointOf(world), options(world));
    return {
      unnamedNulls: captured.unnamedNulls,
      added: await capturedKeys(view, KEY_SETTING.added),
      changed: await capturedKeys(view, KEY_SETTING.changed),
      deleted: await capturedKeys(view, KEY_SETTING.deleted),
      logged: await capturedKeys(view, KEY_SETTING.logged),
      logRows: Number(captured.logRows),
      badKeys: Number(captured.badKeys),
      cutId: captured.cutId === null ? null : Number(captured.cutId),
      oldestId: captured.oldestChangeAt === null ? null : captured.oldestChangeAt.getTime() / 1000,
      floorId: Number(captured.next.floorId),
      seen: await seenIds(captured.next.seen),
    };
  }

  for (const [type, keyCase] of Object.entries(KEY_CASES)) {
    it(`I1 I2 equals its model over random logs and rows, with keys of type ${type}`, async () => {
      const view = await describeItems(type);
      await fc.assert(
        fc.asyncProperty(anyWorld(keyCase), async (world) => {
          await undone(async () => {
            await insertWorld(type, world);
            assert.deepEqual(
              inOrder(await captureWorld(view, world)),
              inOrder(modelCapture(world, keyCase.parse)),
            );
          });
        }),
        { numRuns: NUM_RUNS },
      );
    });
  }

  it('I2 covers in cut batches what one batch would have covered, each log row once', async () => {
    const view = await describeItems('bigint');
    const keyCase = KEY_CASES.bigint;
    await fc.assert(
      fc.asyncProperty(anyWorld(keyCase), async (world) => {
        await undone(async () => {
          await insertWorld('bigint', world);
          const whole = modelCapture(
            { ...world, maxLogRows: 1_000, maxReadRows: 1_000, queuedKeys: [] },
            keyCase.parse,
          );
          const parts: Capture[] = [];
          const upserts = new Set<string>();
          const deletes = new Set<string>();
          let checkpoint = checkpointOf(world);
          do {
            const part = await capture(
              client,
              skipping(view, world),
              checkpoint,
              options({ ...world, queuedKeys: [] }),
            );
            for (const setting of [KEY_SETTING.added, KEY_SETTING.changed]) {
              for (const key of await capturedKeys(view, setting)) upserts.add(key);
            }
            for (const key of await capturedKeys(view, KEY_SETTING.deleted)) deletes.add(key);
            parts.push(part);
            checkpoint = part.next;
          } while (parts.at(-1)?.cutId !== null);

          assert.deepEqual([...upserts].sort(), [...whole.added, ...whole.changed].sort());
          assert.deepEqual([...deletes].sort(), whole.deleted.sort());
          assert.equal(sum(parts.map(({ logRows }) => logRows)), BigInt(whole.logRows));
          assert.equal(sum(parts.map(({ badKeys }) => badKeys)), BigInt(whole.badKeys));
          const seen = await seenIds(checkpoint.seen);
          assert.ok(world.log.every(({ id }) => BigInt(id) <= checkpoint.floorId || seen.includes(id)));
        });
      }),
      { numRuns: NUM_RUNS },
    );
  });

  it('refuses a view that has keys more than once, and names them', async () => {
    await client.query(
      `create view twice as select id as item_id from item_bigint union all select id from item_bigint where id > 1`,
    );
    await client.query(`insert into item_bigint (id) values (1), (2), (3)`);
    await client.query(
      `insert into ${LOG_TABLE} (object_id, content_type_id, action) values ('1', 7, 'changed'), ('2', 7, 'changed')`,
    );
    const view = await describeItems('bigint', { name: 'twice', trackedColumns: [], lookups: [] });
    await assert.rejects(capture(client, view, NOTHING_COVERED, options()), {
      kind: 'bad_data',
      message: 'view twice: key item_id is NULL or not unique, for example 2',
    });
  });

  it('refuses an initial load of a view whose key is NULL or not unique, and names examples', async () => {
    await client.query(
      `create view twice as select item_id from (values (1), (2), (2), (null)) as t (item_id)`,
    );
    const view = await describeItems('bigint', { name: 'twice', trackedColumns: [], lookups: [] });
    await assert.rejects(assertUniqueKeys(client, view), (error) => {
      assert.ok(error instanceof DataHubError);
      assert.equal(error.kind, 'bad_data');
      assert.match(
        error.message,
        /^view twice: key item_id is NULL or not unique, for example (2, NULL|NULL, 2)$/,
      );
      return true;
    });
  });

  it('follows a table that is its own lookup, and configured tracked columns', async () => {
    await client.query(`create table node (id bigint primary key, name text, note text, parent_id bigint);
      create view node_view as select n.id as item_id, p.name as parent from node n left join node p on p.id = n.parent_id;
      insert into node (id, parent_id) values (1, null), (2, 1), (3, 1)`);
    const view = await describeItems('bigint', {
      name: 'node_view',
      mainTable: 'node',
      lookups: [{ table: 'node', contentTypeId: CONTENT_TYPE.item, column: 'parent_id' }],
    });
    const log = `insert into ${LOG_TABLE} (object_id, content_type_id, action, changed_data) values ($1, 7, 'changed', $2)`;
    await client.query(log, ['3', '{"note": {}}']);
    assert.equal((await capture(client, view, NOTHING_COVERED, options())).upserts, 1n);
    await client.query(log, ['1', '{"name": {}}']);
    assert.equal((await capture(client, view, NOTHING_COVERED, options())).upserts, 3n);
  });

  it('computes the first checkpoint as ranges of all visible log ids, wherever the holes are', async () => {
    await client.query(`insert into ${LOG_TABLE} (id, object_id, content_type_id, action)
      select i, '1', 99, 'added' from generate_series(1, 30000) i
      where i not in (4095, 4096, 8191, 12288, 20480) and i not between 24576 and 28671`);
    const { seen } = await captureInitial(client, LOG_TABLE);
    assert.equal(seen, '{[1,4095),[4097,8191),[8192,12288),[12289,20480),[20481,24576),[28672,30001)}');
  });

  it('reads the visible log ids as PostgreSQL would aggregate them, whatever they are', async () => {
    for (const [first, last] of [
      [-200, 200],
      [2n ** 53n - 200n, 2n ** 53n + 200n],
      [2n ** 63n - 500n, 2n ** 63n - 2n],
      [1, 40_000],
    ] as const) {
      await client.query(`truncate ${LOG_TABLE}`);
      await client.query(`insert into ${LOG_TABLE} (id, object_id, content_type_id, action)
        select i, '1', 99, 'added' from generate_series(${first}, ${last}) i where random() < 0.7 or i % 1000 between 100 and 400`);
      const { rows } = await client.query(
        `select range_agg(int8range(id::int8, id::int8, '[]'))::text as seen from ${LOG_TABLE}`,
      );
      assert.equal(await readVisibleIds(client, LOG_TABLE), rows[0].seen);
    }
  });

  it('computes the first checkpoint as ranges of all visible log ids', async () => {
    await client.query(`insert into ${LOG_TABLE} (id, object_id, content_type_id, action)
      select i, '1', 99, 'added' from generate_series(1, 20000) i where i not in (5, 6, 700)`);
    const { floorId, seen, horizons } = await captureInitial(client, LOG_TABLE);
    assert.equal(floorId, 0n);
    assert.equal(seen, '{[1,5),[7,700),[701,20001)}');
    assert.deepEqual(
      horizons.map(({ id, marker }) => [id, marker]),
      [[20_000n, null]],
    );
  });
});

/** The view with the choices of the world. */
const skipping = (view: SourceView, { skipsUntracked: { item, company } }: World): SourceView => ({
  ...view,
  logged: view.logged.map((table) => ({
    ...table,
    skipsUntracked: table.reference === null ? item : company,
  })),
});

const NOTHING_COVERED: Checkpoint = { floorId: 0n, seen: '{}', horizons: [], witness: null };

function checkpointOf({ checkpoint: { floorId, maturedFloorId, seen } }: World): Checkpoint {
  return {
    floorId: BigInt(floorId),
    seen: `{${seen.map((id) => `[${id},${id + 1})`).join(',')}}`,
    // Transaction id 1 has ended on every server.
    horizons: maturedFloorId === null ? [] : [{ id: BigInt(maturedFloorId), atMicros: 0n, marker: 1n }],
    witness: null,
  };
}

function inOrder(captured: ModelCapture): ModelCapture {
  const sorted = (keys: string[]) => [...keys].sort();
  return {
    ...captured,
    added: sorted(captured.added),
    changed: sorted(captured.changed),
    deleted: sorted(captured.deleted),
    logged: sorted(captured.logged),
    seen: [...new Set(captured.seen)].sort((a, b) => a - b),
  };
}

const sum = (counts: bigint[]): bigint => counts.reduce((total, count) => total + count, 0n);

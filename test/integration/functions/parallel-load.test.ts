import assert from 'node:assert/strict';
import { setTimeout as elapse } from 'node:timers/promises';
import { failBefore, hold } from '../../emulators/faults.ts';
import { until } from '../../support/until.ts';
import { useInstallation } from '../../support/use-installation.ts';

const ROWS = 1000;
const SLICES = 4;

describe('an initial load in parallel slices', () => {
  const { on, stack } = useInstallation({ settings: { SLICE_ROWS: '100', MAX_SLICES: String(SLICES) } });

  beforeEach(async () => {
    // Keys with holes, below zero too; the planner's row count decides how many slices there are.
    await on.source.database.query(
      `insert into app_project (id, name)
       select n * 3 - 500, 'project ' || n from generate_series(1, ${ROWS}) n;
       analyze app_project`,
    );
  });

  const upsertsOf = async (etlTransactionId: string) => {
    const names = await on.stagedObjects({ view: 'pmr_project', etlTransactionId });
    return names.filter((name) => name.includes('/upserts-'));
  };

  it('loads every row once, and each slice into its own objects', async () => {
    const batch = await on.stage();

    assert.partialDeepStrictEqual(batch, { kind: 'initial', upserts: ROWS });
    assert.equal((await upsertsOf(batch.etlTransactionId)).length, SLICES);
    assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: String(ROWS) });
    await on.assertEqual();
  });

  for (const [what, key, example] of [
    ['NULL', 'null', 'NULL'],
    ['that of another row of its slice', '1', '1'],
    ['that of a row of another slice', '700', '700'],
  ] as const) {
    it(`halts at a row whose key is ${what}`, async () => {
      await on.source.database.query(
        `create or replace view pmr_project as
         select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
         from app_project p left join app_company c on c.id = p.company_id
         union all select ${key}::bigint, name, null, share, opened, updated_at from app_project where id = 1`,
      );

      await assert.rejects(on.extract(), {
        kind: 'bad_data',
        message: `view pmr_project: key project_id is NULL or not unique, for example ${example}`,
      });
    });
  }

  it('reads all slices in one snapshot, and leaves later commits to the next batch', async () => {
    const { slices } = on.dependencies;
    const taken = await Promise.all(Array.from({ length: SLICES }, () => slices.connect()));
    const extracting = on.stage();
    // The snapshot is there when the slices ask for connections, of which none is left.
    await until(() => slices.waitingCount === SLICES);
    await on.source.add('app_project', { id: 1_000_000, name: 'late' }, { id: 1_000_001, name: 'later' });
    await on.source.delete('app_project', 1);
    for (const client of taken) client.release();

    const batch = await extracting;

    assert.equal(batch.upserts, ROWS);
    await on.merge(batch);
    assert.partialDeepStrictEqual(await on.replicate(), { added: '2', deleted: '1' });
    await on.assertEqual();
  });

  it('I8 goes on with the next call when its snapshot ends with a lost connection', async () => {
    const { slices } = on.dependencies;
    const taken = await Promise.all(Array.from({ length: SLICES }, () => slices.connect()));
    const extracting = on.extract();
    await until(() => slices.waitingCount === SLICES);
    await on.source.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'smart-datahub source' and datname = current_database() and state = 'idle in transaction'`,
    );
    for (const client of taken) client.release();

    await assert.rejects(extracting, { kind: 'transient', message: /snapshot of the copy has ended/ });

    assert.equal(await on.haltedReason(), null);
    assert.partialDeepStrictEqual(await on.replicate(), { etlTransactionId: '1', added: String(ROWS) });
    await on.assertEqual();
  });

  it('stops completely when one slice fails: no slice continues, no connection stays busy, and the next attempt succeeds', async () => {
    const held = [hold(), hold(), hold()];
    stack.storage.faults.next('storage.objects.insert', ...held, failBefore(403));

    await assert.rejects(on.extract(), { kind: 'unauthorized', message: /upserts-/ });

    const { source, slices } = on.dependencies;
    for (const pool of [source, slices]) {
      assert.deepEqual([pool.totalCount - pool.idleCount, pool.waitingCount], [0, 0]);
    }
    assert.deepEqual(await upsertsOf('1'), []);
    await until(async () => (await readersAtWork()) === 0);
    for (const { release } of held) release();
    assert.partialDeepStrictEqual(await on.replicate(), { added: String(ROWS) });
    assert.deepEqual(await on.states(), ['applied']);
    await on.assertEqual();
  });

  it('waits for connections when another load in the same process uses the configured number', async () => {
    const process = await on.anotherProcess({
      MAX_SLICES: '2',
      SOURCE_CONNECTIONS: '4',
      CONNECT_TIMEOUT_SECONDS: '2',
    });
    await on.source.database.query(
      `insert into app_site (id, name) select n, 'site ' || n from generate_series(1, ${ROWS}) n; analyze app_site`,
    );
    const { slices } = process.dependencies;
    const taken = await Promise.all([slices.connect(), slices.connect()]);

    const extracting = Promise.all([process.stage('pmr_project'), process.stage('pmr_site')]);
    await until(() => slices.waitingCount === 4);
    await elapse(3_000);
    for (const client of taken) client.release();

    assert.deepEqual(
      (await extracting).map(({ upserts }) => upserts),
      [ROWS, ROWS],
    );
  });

  /** Counts the sessions of the functions at the source that are in a transaction or a statement. */
  async function readersAtWork(): Promise<number> {
    const { rows } = await on.source.database.query(
      `select count(*)::int as n from pg_stat_activity
       where application_name = 'smart-datahub source' and datname = current_database() and state <> 'idle'`,
    );
    return rows[0].n as number;
  }
});

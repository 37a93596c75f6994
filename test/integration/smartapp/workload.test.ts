import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type pg from 'pg';
import type { Change } from '../../smartapp/django-request.ts';
import { MODELS } from '../../smartapp/models.ts';
import { SCENARIOS } from '../../smartapp/scenarios.ts';
import { tickingClock } from '../../smartapp/ticking-clock.ts';
import { UNLOGGED_SCENARIOS } from '../../smartapp/unlogged-scenarios.ts';
import { Workload, type WorkloadOptions } from '../../smartapp/workload.ts';
import { countOf, digestsOf, useSampleServer } from '../../support/sample-server.ts';

describe("SMartApp's workload", () => {
  const server = useSampleServer();

  afterEach(() => server.disconnect());

  /** Runs the workload on a copy of the database, with views on the log rows that it wrote and on the current rows. */
  const run = async (changes: number, options: Omit<WorkloadOptions, 'connectionString'>) => {
    const { url, database } = await server.create('sample');
    const made: Change[] = [];
    const start = (await database.query('select last_value from models_logging_change_id_seq')).rows[0]
      .last_value;
    const workload = new Workload({
      connectionString: url,
      holdMs: [50, 100],
      onChange: (change) => made.push(change),
      ...options,
    });
    const report = await workload.run({ changes });
    await database.query(
      `create view new_log as select *, xmin as written_by from models_logging_change where id > ${start}`,
    );
    await database.query(`
      create view current_row as ${Object.values(MODELS)
        .map(
          ({ table, contentTypeId }) =>
            `select ${contentTypeId} as content_type_id, id::text as object_id from ${table}`,
        )
        .join(' union all ')}`);
    return { database, report, made };
  };

  it('makes about the requested number of changes, with every kind of request', async () => {
    const { database, report, made } = await run(400, {});
    assert.ok(report.changes >= 400 && report.changes < 500, `${report.changes} changes`);
    assert.equal(made.length, report.changes);
    assert.deepEqual(Object.keys(report.requests).sort(), SCENARIOS.map(({ name }) => name).sort());
    assert.equal(await countOf(database, 'select from new_log'), report.logRows);
    assert.deepEqual([...new Set(made.map(({ action }) => action))].sort(), ['added', 'changed', 'deleted']);
  });

  it('logs every row that it changes', async () => {
    const { database, made } = await run(400, {});
    const logged = await loggedKeys(database);
    assert.deepEqual(
      made.filter((change) => !logged.has(keyOf(change))),
      [],
    );
  });

  it('leaves log rows whose actions mislead', async () => {
    // With one writer, the last log row of a key comes from the last request that touched it.
    const { database, made } = await run(500, { writers: 1 });
    const lastLogs = `
      select distinct on (content_type_id, object_id) action,
        exists (select from current_row c where (c.content_type_id, c.object_id) = (l.content_type_id, l.object_id)) as exists
      from new_log as l order by content_type_id, object_id, id desc`;
    const { rows } = await database.query<{ action: string; exists: boolean; keys: number }>(
      `select action, exists, count(*)::int as keys from (${lastLogs}) as last group by action, exists`,
    );
    const keys = (action: string, exists: boolean) =>
      rows.find((row) => row.action === action && row.exists === exists)?.keys ?? 0;
    assert.ok(keys('changed', false) > 0, 'updated, then deleted');
    assert.ok(keys('added', false) > 0, 'created, then deleted');
    assert.ok(keys('deleted', true) > 0, 'deleted, then created with the same key');
    const actual = new Set(made.map(keyOf));
    const phantoms = [...(await loggedKeys(database, 'added'))].filter((key) => !actual.has(key));
    assert.ok(phantoms.length > 0, 'created in a savepoint that was rolled back');
  });

  it('commits some log rows after others with higher ids, and leaves holes in the ids (I3)', async () => {
    const { database, report } = await run(400, {});
    assert.ok(report.heldLogs > 0 && report.lateLogs > 0);
    const overtaken = `
      select from new_log as late where exists (
        select from new_log as other where other.id > late.id
          and pg_xact_commit_timestamp(other.written_by) < pg_xact_commit_timestamp(late.written_by) - interval '40 ms')`;
    assert.ok((await countOf(database, overtaken)) > 0);
    const { rows } = await database.query(
      'select max(id) - min(id) + 1 > count(*) as has_holes from new_log',
    );
    assert.deepEqual(rows, [{ has_holes: true }]);
  });

  it('writes log rows in the form of django-models-logging', async () => {
    const { database } = await run(500, {});
    const { rows } = await database.query<LoggedRow>('select * from new_log order by id');
    const modelOf = new Map(Object.values(MODELS).map((model) => [model.contentTypeId, model]));
    for (const row of rows) {
      const className = modelOf.get(row.content_type_id)?.className;
      assert.equal(row.object_repr, `${className} object (${row.object_id})`);
      assert.deepEqual([row.user_id, row.revision_id, row.extras], [null, null, {}]);
      const savedAt = row.changed_data.updated_at?.new ?? row.changed_data.updated_at?.old;
      assert.match(String(savedAt), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      for (const [column, value] of Object.entries(row.changed_data)) {
        assert.ok(['new,old', 'old'].includes(Object.keys(value).sort().join()), `${row.id} ${column}`);
      }
    }
    assert.deepEqual([...new Set(rows.map(({ action }) => action))].sort(), ['added', 'changed', 'deleted']);
  });

  it('repeats the same changes and log rows with one writer, a fixed clock and the same seed', async () => {
    const contents = [];
    for (const seed of [5, 5, 6]) {
      const { database } = await run(150, { seed, writers: 1, clock: tickingClock() });
      await database.query('drop view new_log, current_row');
      contents.push(await digestsOf(database));
    }
    assert.deepEqual(contents[0], contents[1]);
    assert.notDeepEqual(contents[0], contents[2]);
  });

  it('makes unlogged changes only on request', async () => {
    const { database, report, made } = await run(500, { unlogged: true });
    for (const { name } of UNLOGGED_SCENARIOS) assert.ok((report.requests[name] ?? 0) > 0, name);
    const logged = await loggedKeys(database);
    assert.ok(made.some((change) => !logged.has(keyOf(change))));
  });

  it('runs in the background until it is stopped, and leaves no log transaction open', async () => {
    const { url, database } = await server.create('sample');
    const workload = new Workload({ connectionString: url, holdMs: [50, 100] });
    workload.start({ changesPerSecond: 300 });
    while (workload.report.changes < 60) await setImmediate();
    const { changes } = await workload.stop();
    const connections = `select from pg_stat_activity where application_name = 'smartapp-workload'`;
    assert.equal(await countOf(database, connections), 0);
    assert.equal(workload.report.changes, changes);
  });

  it('keeps to the given rate', async () => {
    const { url } = await server.create('sample');
    const workload = new Workload({ connectionString: url, holdMs: [50, 100] });
    const startedAt = performance.now();
    workload.start({ changesPerSecond: 100 });
    while (workload.report.changes < 60) await setImmediate();
    await workload.stop();
    assert.ok(performance.now() - startedAt > 400, `60 changes after ${performance.now() - startedAt} ms`);
  });

  it('reports lost connections', async () => {
    const { url, database } = await server.create('sample');
    const workload = new Workload({ connectionString: url });
    workload.start({ changesPerSecond: 1000 });
    while (workload.report.changes === 0) await setImmediate();
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'smartapp-workload' and datname = current_database()`,
    );
    await assert.rejects(workload.stop(), /terminat|connection error/i);
  });
});

interface LoggedRow {
  id: number;
  object_id: string;
  content_type_id: number;
  action: string;
  object_repr: string;
  user_id: null;
  revision_id: null;
  extras: object;
  changed_data: Record<string, { old?: unknown; new?: unknown }>;
}

function keyOf({ model, id }: Change): string {
  return `${MODELS[model].contentTypeId} ${id}`;
}

async function loggedKeys(database: pg.Pool, action = '%'): Promise<Set<string>> {
  const { rows } = await database.query<{ key: string }>(
    `select content_type_id || ' ' || object_id as key from new_log where action like $1`,
    [action],
  );
  return new Set(rows.map(({ key }) => key));
}

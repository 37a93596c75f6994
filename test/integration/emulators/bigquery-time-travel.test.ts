import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BigQuery } from '@google-cloud/bigquery';
import { Clock } from '../../emulators/bigquery/clock.ts';
import { LOCATION, openProject, type Project, rejection } from './bigquery-project.ts';
import { NUMBER, openWriter, rowMessage } from './bigquery-writer.ts';

/** The texts of a table now or, by a clause, at another time. */
async function texts(project: Project, clause = '', params?: Record<string, unknown>): Promise<string[]> {
  const rows = await project.rows(`select text from d.t v_target ${clause} order by text`, params);
  return rows.map(({ text }) => String(text));
}

/** The time of the emulator, as a literal of GoogleSQL. */
async function now(project: Project): Promise<string> {
  const [text] = await project.values(
    "select concat(cast(date(current_timestamp()) as string), '|', cast(current_timestamp() as string))",
  );
  return `timestamp '${String(text).split('|')[1]}'`;
}

async function refusal(project: Project, query: string): Promise<string> {
  return (await rejection(project.rows(query))).message;
}

describe('BigQuery emulator: time travel', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());
  beforeEach(async () => {
    await project.rows("create table d.t (id int64, text string); insert d.t values (1, 'one'), (2, 'two')");
  });
  afterEach(() => project.rows('drop table if exists d.t'));

  it('answers with the rows of a time, after every kind of change', async () => {
    const uri = await project.put('loaded.ndjson', [{ id: 3, text: 'loaded' }]);
    const changes: (() => Promise<unknown>)[] = [
      () => project.rows("insert d.t values (9, 'inserted')"),
      () => project.rows("update d.t set text = 'changed' where id = 1"),
      () => project.rows('delete from d.t where id = 2'),
      () =>
        project.rows(`merge d.t t using (select 1 as id, 'merged' as text) s on t.id = s.id
          when matched then update set text = s.text when not matched then insert (id, text) values (s.id, s.text)`),
      () => project.load('t', [uri]),
      () =>
        project.rows(`begin transaction; insert d.t values (4, 'in'); update d.t set text = 'script' where id = 1;
          commit transaction`),
      () => project.rows('truncate table d.t'),
      () => project.rows("insert d.t values (5, 'last')"),
    ];
    const seen: { at: string; rows: string[] }[] = [{ at: await now(project), rows: await texts(project) }];
    for (const change of changes) {
      await change();
      seen.push({ at: await now(project), rows: await texts(project) });
    }
    assert.deepEqual(seen.at(-1)?.rows, ['last']);
    for (const { at, rows } of seen) {
      assert.deepEqual(await texts(project, `for system_time as of ${at}`), rows, at);
    }
  });

  it('keeps JSON apart from text, also in arrays', async () => {
    await project.rows('create table d.j (one json, many array<json>, texts array<string>)');
    await project.load('j', [
      await project.put('json.ndjson', [{ one: { q: 1 }, many: [{ q: 1 }, 'x'], texts: ['{}'] }]),
    ]);
    const written = 'to_json_string(one), to_json_string(many), to_json_string(texts)';
    const query = (clause: string) => `select concat(${written}) from d.j v_target ${clause}`;
    const present = await project.values(query(''));
    assert.deepEqual(present, ['{"q":1}[{"q":1},"x"]["{}"]']);
    const past = await project.values(query(`for system_time as of ${await now(project)}`));
    await project.rows('drop table d.j');
    assert.deepEqual(past, present);
  });

  it('takes the time as a parameter, and a condition on the alias', async () => {
    const at = await now(project);
    await project.rows('delete from d.t where true');
    const as_of = BigQuery.timestamp(at.slice("timestamp '".length, -1).replace(/\+00$/, 'Z'));
    const clause = 'for system_time as of @as_of where v_target.id = 2';
    assert.deepEqual(await texts(project, clause, { as_of }), ['two']);
  });

  it('orders times that lie within a millisecond', async () => {
    const script = Array.from(
      { length: 20 },
      (_, index) => `set before${index} = current_timestamp();
        update d.t set id = ${100 + index} where text = 'one';`,
    );
    const names = script.map((_, index) => `before${index}`).join(', ');
    await project.rows(`declare ${names} timestamp; ${script.join('\n')}
      create table d.times as ${script.map((_, index) => `select ${index} as n, before${index} as at`).join(' union all ')}`);
    const times = await project.rows('select n, cast(at as string) as at from d.times order by n');
    await project.rows('drop table d.times');
    for (const { n, at } of times) {
      const values = await project.values(
        `select id from d.t for system_time as of timestamp '${at}' where text = 'one'`,
      );
      assert.deepEqual(values, [n === 0 ? 1 : 99 + Number(n)]);
    }
  });

  it('lets the start of a job lie before its change, and its end behind it', async () => {
    for (let count = 1; count <= 10; count += 1) {
      const job = await project.finished(`insert d.t values (${count}, 'more')`);
      const { startTime, endTime } = job.metadata.statistics;
      for (const [time, more] of [
        [startTime, count - 1],
        [endTime, count],
      ]) {
        const at = new Date(Number(time)).toISOString();
        const query = `select count(*) from d.t for system_time as of timestamp '${at}' where text = 'more'`;
        assert.deepEqual(await project.values(query), [more]);
      }
    }
  });

  it('knows the columns of a time', async () => {
    const before = await now(project);
    await project.rows('alter table d.t add column extra float64');
    await project.rows('update d.t set extra = 1.5 where true');
    const between = await now(project);
    await project.rows('alter table d.t alter column id set data type numeric');
    await project.rows('alter table d.t drop column text');
    const select = (at: string) => project.rows(`select * from d.t for system_time as of ${at} order by id`);
    assert.deepEqual(await select(before), [
      { id: 1, text: 'one' },
      { id: 2, text: 'two' },
    ]);
    assert.deepEqual(await select(between), [
      { id: 1, text: 'one', extra: 1.5 },
      { id: 2, text: 'two', extra: 1.5 },
    ]);
    assert.match(
      await refusal(project, `select extra from d.t for system_time as of ${before}`),
      /Unrecognized name: extra/,
    );
  });

  it('keeps all types, and sees back through CREATE OR REPLACE', async () => {
    await project.rows(
      'create table d.types (b bignumeric, n numeric, j json, tags array<string>, raw bytes)',
    );
    const uri = await project.put('types.ndjson', [
      { b: '12345678901234567890123456789.5', n: '1.5', j: { a: [1] }, tags: ['x', 'y'], raw: '/w==' },
      {},
    ]);
    await project.load('types', [uri]);
    const rows = await project.rows('select * from d.types order by b');
    const at = await now(project);
    await project.rows("create or replace table d.types as select 'new' as other");
    assert.deepEqual(
      await project.rows(`select * from d.types for system_time as of ${at} order by b`),
      rows,
    );
    assert.deepEqual(await project.rows('select * from d.types'), [{ other: 'new' }]);
    await project.rows('drop table d.types');
  });

  it('restores a table, and combines it with another that is read as it is now', async () => {
    const at = await now(project);
    await project.rows('delete from d.t where id = 1');
    await project.rows(`create table d.other (id int64); insert d.other values (1);
      insert d.other select id + 10 from d.t for system_time as of ${at}`);
    assert.deepEqual(
      await project.rows(`select o.id from d.other o join d.t t for system_time as of ${at} on t.id = o.id`),
      [{ id: 1 }],
    );
    assert.deepEqual(await project.values('select sum(id) from d.other'), [24]);
    await project.rows(`create or replace table d.t as select * from d.t for system_time as of ${at}`);
    assert.deepEqual(await texts(project), ['one', 'two']);
    await project.rows('drop table d.other');
  });

  it('goes on answering after a query of the past that failed', async () => {
    const at = await now(project);
    await project.rows('delete from d.t where true');
    const query = `select error(text) from d.t for system_time as of ${at}`;
    assert.match(await refusal(project, query), /one|two/);
    assert.deepEqual(await texts(project, `for system_time as of ${at}`), ['one', 'two']);
  });

  it('answers many queries of one time at once, while the table changes', async () => {
    const at = await now(project);
    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        await project.rows(`insert d.t values (${index}, 'more')`);
        return await texts(project, `for system_time as of ${at}`);
      }),
    );
    for (const answer of answers) assert.deepEqual(answer, ['one', 'two']);
  });

  it('takes constant expressions, and checks them in a dry run', async () => {
    await project.rows('create table if not exists d.old as select 1 as id');
    const clause = 'for system_time as of timestamp_sub(current_timestamp(), interval 1 microsecond)';
    assert.deepEqual(await texts(project, clause), ['one', 'two']);
    const script = `declare at timestamp default current_timestamp(); delete from d.t where true;
      select text from d.t for system_time as of at order by text`;
    assert.deepEqual(await project.rows(script), [{ text: 'one' }, { text: 'two' }]);
    const [dry] = await project.bigquery.createQueryJob({
      query: `select id from d.t ${clause}`,
      location: LOCATION,
      dryRun: true,
    });
    assert.equal(dry.metadata.status.state, 'DONE');
  });

  it('refuses times that are no past of the table', async () => {
    const before = await now(project);
    await project.rows('drop table d.t');
    await project.rows('create table d.t (id int64, text string)');
    const earlier = /^Invalid snapshot time (\d+) for table p1:d\.t@\1\. Cannot read before \d+\./;
    const at = (time: string) => refusal(project, `select * from d.t for system_time as of ${time}`);
    assert.match(await at(before), earlier);
    assert.match(await at('timestamp_sub(current_timestamp(), interval 8 day)'), earlier);
    assert.match(await at("'2017-01-01 10:00:00-07:00'"), earlier);
    assert.match(await at("timestamp '2999-01-01 00:00:00 UTC'"), /future/);
    await project.rows('drop table d.t');
    assert.match(await at(before), /^Not found: Table p1:d\.t/);
  });

  it('refuses a table that is streamed into, also at a time when it was', async () => {
    await project.rows('create table d.streamed (id int64, primary key (id) not enforced)');
    const before = await now(project);
    const writer = await openWriter(
      project.standIn.writeHost,
      'streamed',
      rowMessage({ id: 'int64', ...NUMBER }),
    );
    try {
      await writer.upsert('1', { id: 1 });
    } finally {
      writer.close();
    }
    const at = (time: string) => refusal(project, `select * from d.streamed for system_time as of ${time}`);
    assert.match(await at(before), /upsert stream/);
    const streamed = await now(project);
    await project.rows('create or replace table d.streamed (id int64)');
    assert.match(await at(streamed), /upsert stream/);
    assert.deepEqual(
      await project.rows(`select * from d.streamed for system_time as of ${await now(project)}`),
      [],
    );
    await project.rows('drop table d.streamed');
  });

  it('refuses what is no constant time', async () => {
    for (const [time, message] of [
      ['v.at', /Unrecognized name|not found/],
      ['(select current_timestamp())', /constant/],
      ['5', /TIMESTAMP/],
      ['cast(null as timestamp)', /NULL/],
      ["timestamp '2026-01-01 00:00:00'", /time zone/],
      ["timestamp '2026-01-01'", /time zone/],
    ] as const) {
      assert.match(await refusal(project, `select * from d.t v for system_time as of ${time}`), message);
    }
  });

  it('refuses views, WITH queries, transactions and two times of one table', async () => {
    const at = await now(project);
    await project.rows('create view d.v as select * from d.t');
    const past = (name: string) => `select * from ${name} for system_time as of ${at}`;
    const refused: [string, RegExp][] = [
      [past('d.v'), /view/],
      [`create view d.w as ${past('d.t')}`, /does not support/],
      [`with q as (select 1 as x) ${past('q')}`, /dataset|WITH/],
      [`begin transaction; ${past('d.t')}; commit transaction`, /transaction/],
      [`insert d.t ${past('d.t')}`, /more than one point in time/],
      [`${past('d.t')} union all select * from d.t`, /more than one point in time/],
      [`${past('d.t')} union all select * from d.v`, /more than one point in time/],
      [
        `${past('d.t')} union all select * from d.t for system_time as of timestamp_sub(${at}, interval 1 microsecond)`,
        /more than one point in time/,
      ],
    ];
    for (const [query, message] of refused) assert.match(await refusal(project, query), message);
    // The next statement of a script may read another time.
    await project.rows(`${past('d.t')}; delete from d.t where true; select count(*) from d.t`);
    await project.rows('drop view d.v');
  });
});

describe('BigQuery emulator: the clock', () => {
  it('never reads the same time twice, not even within a microsecond', () => {
    const clock = new Clock();
    const readings = Array.from({ length: 5000 }, () => clock.now());
    assert.deepEqual(
      readings.filter((reading, index) => reading <= (readings[index - 1] ?? 0)),
      [],
    );
  });

  it('rounds a beginning down and an end up to milliseconds, with later readings behind both', () => {
    const clock = new Clock();
    for (let count = 0; count < 1000; count += 1) {
      const before = clock.now();
      const start = clock.startMs() * 1000;
      const between = clock.now();
      const end = clock.endMs() * 1000;
      assert.ok(start <= before + 1 && start < between, 'start');
      assert.ok(between <= end && end < clock.now(), 'end');
    }
  });
});

describe('BigQuery emulator: the end of time travel', () => {
  it('refuses a time before the changes that it remembers', async () => {
    const project = await openProject({ history: { changes: 3 } });
    await project.rows("create table d.t (id int64, text string); insert d.t values (1, 'one')");
    const old = await now(project);
    await project.rows("insert d.t values (2, 'two')");
    const recent = await now(project);
    for (const id of [3, 4]) await project.rows(`insert d.t values (${id}, 'more')`);
    assert.deepEqual(await texts(project, `for system_time as of ${old}`), ['one']);
    await project.rows("insert d.t values (5, 'more')");
    assert.match(
      await refusal(project, `select * from d.t for system_time as of ${old}`),
      /emulator does not support this time.*3 changes/,
    );
    assert.deepEqual(await texts(project, `for system_time as of ${recent}`), ['one', 'two']);
    await project.close();
  });

  for (const [limits, forgets] of [
    [{ rows: 2 }, "update d.t set text = 'changed' where true"],
    [{ minutes: 0 }, "insert d.t values (4, 'four')"],
  ] as const) {
    it(`refuses a time beyond the limit of ${Object.keys(limits)}`, async () => {
      const project = await openProject({ history: limits });
      await project.rows(`create table d.t (id int64, text string);
        insert d.t values (1, 'one'), (2, 'two'), (3, 'three')`);
      const old = await now(project);
      await project.rows(forgets);
      const query = `select * from d.t for system_time as of ${old}`;
      assert.match(await refusal(project, query), /does not support this time/);
      assert.equal((await texts(project, `for system_time as of ${await now(project)}`)).length > 2, true);
      await project.close();
    });
  }

  it('refuses a time before a restart, and remembers anew', async () => {
    const dataFolder = await mkdtemp(path.join(tmpdir(), 'time-travel-'));
    const first = await openProject({ dataFolder });
    await first.bigquery.createDataset('d', { location: LOCATION });
    await first.rows("create table d.t (id int64, text string); insert d.t values (1, 'one')");
    const before = await now(first);
    await first.rows("update d.t set text = 'changed' where true");
    assert.deepEqual(await texts(first, `for system_time as of ${before}`), ['one']);
    await first.close();

    const second = await openProject({ dataFolder });
    assert.match(
      await refusal(second, `select * from d.t for system_time as of ${before}`),
      /nothing before its start/,
    );
    const week = 'timestamp_sub(current_timestamp(), interval 169 hour)';
    assert.match(
      await refusal(second, `select * from d.t for system_time as of ${week}`),
      /Cannot read before/,
    );
    const after = await now(second);
    await second.rows('delete from d.t where true');
    assert.deepEqual(await texts(second, `for system_time as of ${after}`), ['changed']);
    assert.deepEqual(await texts(second), []);
    await second.close();
    await rm(dataFolder, { recursive: true });
  });
});

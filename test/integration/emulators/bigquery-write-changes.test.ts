import assert from 'node:assert/strict';
import fc from 'fast-check';
import { sequenceKey } from '../../emulators/bigquery/write/sequence-number.ts';
import { failure, openProject, type Project, rejection } from './bigquery-project.ts';
import { NUMBER, type OpenWriter, openWriter, outcome, rowMessage } from './bigquery-writer.ts';

const MESSAGE = rowMessage({ id: 'int64', name: 'string', ...NUMBER });

describe('BigQuery emulator: upserts and deletes of the Storage Write API', () => {
  let project: Project;
  let writer: OpenWriter;
  let count = 0;
  let table: string;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());
  beforeEach(async () => {
    count++;
    table = `t${count}`;
    await project.rows(
      `create table d.${table} (id int64 not null, name string, n int64, primary key (id) not enforced)`,
    );
    writer = await openWriter(project.standIn.writeHost, table, MESSAGE);
  });
  afterEach(() => writer.close());

  const content = async () =>
    (await project.rows(`select id, name from d.${table} order by id, name`)).map(
      ({ id, name }) => `${id} ${name}`,
    );
  /** Each change is a request of its own: `+1 a` upserts, `-1` deletes; before it stands its number. */
  const send = async (...changes: string[]) => {
    for (const change of changes) {
      const [sequence = '', what = '', name] = change.split(' ');
      const row = { id: what.slice(1), ...(name !== undefined && { name }) };
      const answer = await (what.startsWith('+')
        ? writer.upsert(sequence, row)
        : writer.delete(sequence, row));
      assert.equal(outcome(answer), 'OK', change);
    }
  };

  it('insert a row, replace the whole of it, and delete it', async () => {
    await project.rows(`insert into d.${table} (id, name, n) values (1, 'loaded', 7)`);

    await send('1 +1 a', '1 +2 b');
    assert.deepEqual(await content(), ['1 a', '2 b']);
    assert.deepEqual(await project.values(`select n from d.${table} where id = 1`), [null]);
    await send('2 +1', '2 -2', '2 -3');

    assert.deepEqual(await content(), ['1 null']);
  });

  it('are seen by queries as soon as they are acknowledged', async () => {
    for (let round = 1; round <= 5; round++) {
      await send(`${round} +1 round-${round}`);
      assert.deepEqual(await content(), [`1 round-${round}`]);
    }
  });

  it('pass over a change that is older than the latest one of its key, and no other key', async () => {
    await send('B +1 newer', 'A +1 older', 'A -1', 'A +2 other');

    assert.deepEqual(await content(), ['1 newer', '2 other']);
  });

  it('remember the number of a deleted key', async () => {
    await send('A +1 a', 'C -1', 'B +1 older');
    assert.deepEqual(await content(), []);
    await send('D +1 newer');
    assert.deepEqual(await content(), ['1 newer']);
  });

  it('remember a delete of a key that was not there', async () => {
    await send('5 -1', '4 +1 late', '4 +2 other');

    assert.deepEqual(await content(), ['2 other']);
  });

  it('let the later one of two with the same number count', async () => {
    await send('A +1 first', 'A +1 second', 'A +2 first', 'A -2');

    assert.deepEqual(await content(), ['1 second']);
  });

  it('compare numbers section by section as unsigned hexadecimal', async () => {
    for (const [id, lower, higher] of [
      [1, 'FFF/B', 'FFF/ABC'],
      [2, 'BA/FFFFFFFF', 'ABC'],
      [3, 'ff', '100'],
      [4, '7FFFFFFFFFFFFFFF', 'FFFFFFFFFFFFFFFF'],
      [5, '00000A', 'b'],
      [6, 'A/1/FFFF/FFFF', 'A/2/0/0'],
      [7, '1/0', '1/0/0'],
    ]) {
      await send(`${higher} +${id} higher`, `${lower} +${id} lower`);
      await send(`${higher} +${id}0 higher`, `${lower} -${id}0`);
      await send(`${lower} +${id}00 lower`, `${higher} +${id}00 higher`);
    }
    assert.deepEqual(await project.rows(`select distinct name from d.${table}`), [{ name: 'higher' }]);
  });

  it('order any two numbers as their sections are ordered', () => {
    const section = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const number = fc.array(section, { minLength: 1, maxLength: 4 });
    const text = (sections: bigint[], upper: boolean) => {
      const digits = sections.map((each) => each.toString(16)).join('/');
      return upper ? digits.toUpperCase() : digits;
    };
    const compare = (a: bigint[], b: bigint[]) => {
      const index = a.findIndex((each, place) => each !== b[place]);
      const [left, right] = index === -1 ? [a.length, b.length] : [a[index] ?? -1n, b[index] ?? -1n];
      return Math.sign(Number(left > right) - Number(left < right));
    };
    fc.assert(
      fc.property(number, number, fc.boolean(), (a, b, upper) => {
        const [left = '', right = ''] = [sequenceKey(text(a, upper)), sequenceKey(text(b, !upper))];
        assert.equal(Number(left > right) - Number(left < right), compare(a, b));
      }),
    );
  });

  it('in one request leave the latest change of each key', async () => {
    const change = (id: number, name: string, type: string, sequence: string) => ({
      id,
      name,
      _CHANGE_TYPE: type,
      _CHANGE_SEQUENCE_NUMBER: sequence,
    });
    const answer = await writer.append(
      change(1, 'b', 'UPSERT', '2'),
      change(1, 'c', 'UPSERT', '10'),
      change(1, 'a', 'UPSERT', '1'),
      change(2, 'a', 'UPSERT', '1'),
      change(2, '', 'DELETE', '2'),
      change(3, '', 'DELETE', '1'),
      change(3, 'again', 'UPSERT', '2'),
      change(4, 'same number', 'UPSERT', '1'),
      change(4, 'same number, later', 'UPSERT', '1'),
    );

    assert.equal(outcome(answer), 'OK');
    assert.deepEqual(await content(), ['1 c', '3 again', '4 same number, later']);
    await send('F +1 older', '1 +2 older');
    assert.deepEqual(await content(), ['1 c', '3 again', '4 same number, later']);
  });

  it('without numbers count in the order of their requests, and the first one of a key within one', async () => {
    const unnumbered = rowMessage({ id: 'int64', name: 'string' });
    const plain = await openWriter(project.standIn.writeHost, table, unnumbered);
    try {
      for (const name of ['a', 'b', 'c']) await plain.append({ id: 1, name, _CHANGE_TYPE: 'UPSERT' });
      await plain.append(
        { id: 2, name: 'first', _CHANGE_TYPE: 'UPSERT' },
        { id: 2, name: 'second', _CHANGE_TYPE: 'UPSERT' },
      );
      assert.deepEqual(await content(), ['1 c', '2 first']);
    } finally {
      plain.close();
    }
  });

  it('replace every row of their key, since nothing enforces it', async () => {
    await project.rows(`insert into d.${table} (id, name) values (1, 'x'), (1, 'y'), (2, 'z'), (2, 'z')`);

    await send('1 +1 only', '1 -2');

    assert.deepEqual(await content(), ['1 only']);
  });

  it('take the key of several columns, of any type that a key can have', async () => {
    await project.rows(`create table d.several_${count} (a int64, b string, day date, n numeric, name string,
      primary key (a, b, day, n) not enforced)`);
    const message = rowMessage({
      a: 'int64',
      b: 'string',
      day: 'int32',
      n: 'string',
      name: 'string',
      ...NUMBER,
    });
    const several = await openWriter(project.standIn.writeHost, `several_${count}`, message);
    try {
      const key = { a: 1, b: 'x', day: 1, n: '1.5' };
      await several.upsert('1', { ...key, name: 'one' });
      await several.upsert('1', { ...key, b: 'X', name: 'two' });
      await several.upsert('2', { ...key, n: '1.50', name: 'three' });
      await several.delete('2', { ...key, b: 'X' });
      assert.deepEqual(await project.rows(`select b, name from d.several_${count}`), [
        { b: 'x', name: 'three' },
      ]);
    } finally {
      several.close();
    }
  });

  it('are written whole or not at all, request by request', async () => {
    const rows = Array.from({ length: 5000 }, (_, id) => ({
      id,
      name: 'x',
      _CHANGE_TYPE: id === 4321 ? 'INSERT' : 'UPSERT',
      _CHANGE_SEQUENCE_NUMBER: '1',
    }));
    await send('1 +1 a');

    const answer = await writer.append(...rows);

    assert.equal(
      outcome(answer),
      'error 3\n4321: Field _CHANGE_TYPE: must be UPSERT or DELETE, and is INSERT',
    );
    assert.deepEqual(await content(), ['1 a']);
    await send('2 +1 b');
    assert.deepEqual(await content(), ['1 b']);
  });

  it('of two connections to one table wait for each other', async () => {
    const second = await openWriter(project.standIn.writeHost, table, MESSAGE);
    try {
      const rounds = Array.from({ length: 20 }, (_, round) => round);
      const answers = await Promise.all(
        rounds.map((round) =>
          (round % 2 === 0 ? writer : second).upsert(round.toString(16), { id: 1, name: `round-${round}` }),
        ),
      );
      assert.deepEqual(
        answers.map(outcome),
        rounds.map(() => 'OK'),
      );
      assert.deepEqual(await content(), ['1 round-19']);
    } finally {
      second.close();
    }
  });

  describe('make of their table one that', () => {
    it('refuses DML on its rows, from the first change on', async () => {
      await project.rows(`update d.${table} set name = 'x' where true`);
      await send('1 +1 a');
      for (const query of [
        `update d.${table} set name = 'x' where true`,
        `delete from d.${table} where true`,
        `truncate table d.${table}`,
        `merge d.${table} t using (select 1 as id) s on t.id = s.id when matched then update set name = 'x'`,
      ]) {
        assert.match(
          (await rejection(project.rows(query))).message,
          /not supported over tables that had UPSERT streams/,
          query,
        );
      }
      assert.deepEqual(await content(), ['1 a']);
    });

    it('takes rows of a load job, as ones that were never changed', async () => {
      await send('F -1', 'F +2 a');

      const job = await project.load(table, [
        await project.put(`${table}.ndjson`, [{ id: 1, name: 'loaded' }]),
      ]);

      assert.equal(failure(job), undefined);
      assert.deepEqual(await content(), ['1 loaded', '2 a']);
      await send('E +1 older', 'E +2 older');
      assert.deepEqual(await content(), ['1 loaded', '2 a']);
    });

    it('forgets its changes when it is dropped or replaced, or gets another key', async () => {
      const columns = 'id int64, name string, primary key (id) not enforced';
      await send('F -1');
      await project.rows(`create or replace table d.${table} (${columns})`);
      await project.rows(`update d.${table} set name = 'x' where true`);
      await send('1 +1 a', 'F -1');
      await project.rows(`drop table d.${table}; create table d.${table} (${columns})`);
      await project.rows(`update d.${table} set name = 'x' where true`);
      await send('1 +1 b');
      assert.deepEqual(await content(), ['1 b']);
      await project.rows(`alter table d.${table} drop primary key;
        alter table d.${table} add primary key (name) not enforced`);
      await send('1 +2 b');

      assert.deepEqual(await content(), ['2 b']);
    });
  });
});

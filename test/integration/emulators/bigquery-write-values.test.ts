import assert from 'node:assert/strict';
import { BigQuery } from '@google-cloud/bigquery';
import { openProject, type Project } from './bigquery-project.ts';
import { openWriter, outcome, rowMessage } from './bigquery-writer.ts';

const DAY_MS = 86_400_000;

describe('BigQuery emulator: values that come by the Storage Write API', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());

  const KEY = 'k int64, primary key (k) not enforced';

  /** Appends one row to a new table `d.t` of these columns and the key `k`. */
  async function append(columns: string, fields: Record<string, string>, row: object): Promise<string> {
    await project.rows(`create or replace table d.t (${columns}, ${KEY})`);
    const message = rowMessage({ k: 'int64', ...fields });
    const writer = await openWriter(project.standIn.writeHost, 't', message);
    try {
      return outcome(await writer.append({ k: 1, ...row }));
    } finally {
      writer.close();
    }
  }

  for (const [column, field, value, expected] of [
    ['int64', 'int64', '9223372036854775807', '9223372036854775807'],
    ['int64', 'int64', '-9223372036854775808', '-9223372036854775808'],
    ['int64', 'int32', -5, '-5'],
    ['int64', 'uint32', 4294967295, '4294967295'],
    ['float64', 'double', 1.5, '1.5'],
    ['float64', 'float', 0.5, '0.5'],
    ['bool', 'bool', false, 'false'],
    ['bool', 'int64', '7', 'true'],
    ['string', 'string', 'ä\u0000"', 'ä\u0000"'],
    ['string', 'string', '', ''],
    ['date', 'int32', -719162, '0001-01-01'],
    ['date', 'int64', '2932896', '9999-12-31'],
    ['date', 'string', '2024-02-29', '2024-02-29'],
    ['timestamp', 'int64', '-62135596800000000', '0001-01-01 00:00:00+00'],
    ['timestamp', 'int64', '253402300799999999', '9999-12-31 23:59:59.999999+00'],
    ['timestamp', 'int64', '-1', '1969-12-31 23:59:59.999999+00'],
    ['datetime', 'string', '2024-02-29 12:34:56.000001', '2024-02-29 12:34:56.000001'],
    ['datetime', 'string', '2024-02-29T00:00:00', '2024-02-29 00:00:00'],
    ['time', 'string', '23:59:59.999999', '23:59:59.999999'],
    [
      'numeric',
      'string',
      '-12345678901234567890123456789.123456789',
      '-12345678901234567890123456789.123456789',
    ],
    ['numeric', 'int64', '12', '12'],
    ['json', 'string', '{"a": [1, null, "x"]}', '{"a":[1,null,"x"]}'],
    ['json', 'string', 'null', 'null'],
  ] as const) {
    it(`keeps ${JSON.stringify(value)} of ${field} in a column of ${column}`, async () => {
      assert.equal(await append(`c ${column}`, { c: field }, { c: value }), 'OK');
      assert.deepEqual(await project.values('select cast(c as string) from d.t'), [expected]);
    });
  }

  for (const [column, field, value] of [
    ['date', 'int32', -719163],
    ['date', 'int32', 2932897],
    ['date', 'string', '2023-02-29'],
    ['timestamp', 'int64', '-62135596800000001'],
    ['timestamp', 'int64', '253402300800000000'],
    ['datetime', 'string', '2024-02-30 00:00:00'],
    ['datetime', 'string', 'now'],
    ['time', 'string', '24:00:00'],
    ['numeric', 'string', '1.0000000001'],
    ['numeric', 'string', '100000000000000000000000000000'],
    ['numeric', 'string', 'NaN'],
    ['bignumeric', 'string', '1e400'],
    ['json', 'string', '{a: 1}'],
    ['json', 'string', ''],
  ] as const) {
    it(`refuses ${JSON.stringify(value)} of ${field} for a column of ${column}`, async () => {
      assert.match(
        await append(`c ${column}`, { c: field }, { c: value }),
        /^error 3\n0: Field c: could not convert value to \w+: /,
      );
      assert.deepEqual(await project.values('select count(*) from d.t'), [0]);
    });
  }

  it('keeps all 38 digits behind the point of a BIGNUMERIC', async () => {
    const smallest = '0.00000000000000000000000000000000000001';
    assert.equal(await append('c bignumeric', { c: 'string' }, { c: smallest }), 'OK');
    const [value] = await project.values('select c from d.t');
    assert.equal((value as { toFixed(): string }).toFixed(), smallest);
  });

  it('keeps bytes, and takes them from a text as well', async () => {
    const bytes = Buffer.from([0, 255, 10]);
    await append('c bytes', { c: 'bytes' }, { c: bytes });
    assert.deepEqual(await project.values('select c from d.t'), [bytes]);
    await append('c bytes', { c: 'string' }, { c: 'ä' });
    assert.deepEqual(await project.values('select c from d.t'), [Buffer.from('ä')]);
  });

  it('keeps NaN and the infinities', async () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      await append('c float64', { c: 'double' }, { c: value });
      assert.deepEqual(await project.values('select c from d.t'), [value]);
    }
  });

  it('takes what is absent for NULL, and for an empty array', async () => {
    const fields = { id: 'int64', c: 'int64', tags: 'repeated string' };
    assert.equal(
      await append('id int64, c int64, tags array<string>, other string', fields, { id: 1 }),
      'OK',
    );
    assert.deepEqual(await project.rows('select id, c, tags, other from d.t'), [
      { id: 1, c: null, tags: [], other: null },
    ]);
    await append('c int64', { c: 'int64' }, { c: 0 });
    assert.deepEqual(await project.values('select c from d.t'), [0]);
  });

  it('keeps the elements of arrays, packed or not, and refuses a row for one that does not convert', async () => {
    const columns = 'days array<date>, tags array<string>, n array<int64>';
    const fields = { days: 'repeated int32', tags: 'repeated string', n: 'repeated int64' };
    assert.equal(
      await append(columns, fields, { days: [0, -1], tags: ['b', '', 'b'], n: ['1', '-2'] }),
      'OK',
    );
    assert.deepEqual(await project.rows('select tags, n, days from d.t'), [
      {
        tags: ['b', '', 'b'],
        n: [1, -2],
        days: [BigQuery.date('1970-01-01'), BigQuery.date('1969-12-31')],
      },
    ]);
    await project.rows(`create or replace table d.t (n array<int64>, ${KEY})`);
    const message = rowMessage({ n: 'repeated int64', k: 'int64' });
    const writer = await openWriter(project.standIn.writeHost, 't', message);
    const packed = Buffer.from([0x0a, 2, 1, 2, 0x0a, 1, 3]);
    assert.equal(outcome(await writer.send([Buffer.concat([packed, message.encode({ k: 1 })])])), 'OK');
    assert.deepEqual(await project.values('select n from d.t'), [[1, 2, 3]]);
    writer.close();
    assert.match(await append(columns, fields, { days: [0, 2932897] }), /Field days: could not convert/);
  });

  it('matches columns whatever their case, and by the name that the descriptor gives besides its own', async () => {
    assert.equal(await append('Id int64', { iD: 'int64' }, { iD: 1 }), 'OK');
    await project.rows(`create or replace table d.t (\`a b\` int64, ${KEY})`);
    const [field] = await project.bigquery
      .dataset('d')
      .table('t')
      .getMetadata()
      .then(([{ schema }]) => schema.fields);
    assert.equal(field.name, 'a b');
    const message = rowMessage({ a_b: 'int64', k: 'int64' });
    const [described] = message.descriptor.field ?? [];
    Object.assign(described ?? {}, { options: { '.google.cloud.bigquery.storage.v1.columnName': 'a b' } });
    const writer = await openWriter(project.standIn.writeHost, 't', message);
    assert.equal(outcome(await writer.append({ k: 1, a_b: 5 })), 'OK');
    assert.deepEqual(await project.rows('select `a b` from d.t'), [{ 'a b': 5 }]);
    writer.close();
  });

  describe('of the column that partitions the table', () => {
    for (const [column, field, unit] of [
      ['date', 'int32', DAY_MS],
      ['timestamp', 'int64', 0.001],
    ] as const) {
      it(`must lie from ten years ago to a year ahead: ${column}`, async () => {
        const appended = async (value: object) => {
          await project.rows(
            `drop table if exists d.t; create table d.t (c ${column}, other ${column}, ${KEY}) partition by ${column}_trunc(c, month)`,
          );
          const writer = await openWriter(
            project.standIn.writeHost,
            't',
            rowMessage({ k: 'int64', c: field, other: field }),
          );
          const answer = outcome(await writer.append({ k: 1, ...value }));
          writer.close();
          return answer;
        };
        const years = (count: number) => {
          const date = new Date();
          date.setUTCFullYear(date.getUTCFullYear() + count);
          return Math.floor(date.getTime() / unit);
        };
        const days = (count: number) => Math.round((count * DAY_MS) / unit);
        for (const inside of [years(-10) + days(2), years(0), years(1) - days(2)]) {
          assert.equal(await appended({ c: inside }), 'OK');
        }
        for (const outside of [years(-10) - days(2), years(1) + days(2)]) {
          assert.match(await appended({ c: outside }), /^error 3\n0: Field c: only a time within 10 years/);
          assert.equal(await appended({ other: outside }), 'OK');
        }
      });
    }
  });
});

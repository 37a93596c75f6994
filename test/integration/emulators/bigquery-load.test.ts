import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { BigQuery } from '@google-cloud/bigquery';
import { failure, openProject, type Project } from './bigquery-project.ts';

describe('BigQuery emulator: load jobs', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());

  it('load plain and gzip objects, by content and not by name, and count what they loaded', async () => {
    await project.rows('create table d.many (id int64 not null, name string)');
    const uris = [
      await project.put('many/1.ndjson.gz', [{ id: 1, name: 'a' }, { id: '2' }], { gzip: true }),
      await project.put('many/2.ndjson.gz', [{ id: 3, name: null }, '', { name: 'ä"\\n', id: 4 }], {
        gzip: true,
      }),
    ];
    const job = await project.load('many', uris);
    assert.equal(failure(job), undefined);
    const { outputRows, inputFiles, badRecords } = job.metadata.statistics.load;
    assert.deepEqual([outputRows, inputFiles, badRecords], ['4', '2', '0']);
    assert.deepEqual(await project.rows('select * from d.many order by id'), [
      { id: 1, name: 'a' },
      { id: 2, name: null },
      { id: 3, name: null },
      { id: 4, name: 'ä"\\n' },
    ]);
    const plain = await project.put('plain.gz', [{ id: 5 }]);
    await project.load('many', [plain]);
    assert.deepEqual(await project.values('select count(*) from d.many'), [5]);
    assert.match(
      failure(await project.load('many', [...uris, plain])).message,
      /cannot have both compressed and uncompressed files/,
    );
  });

  it('keep a long number of a column whose name is in another alphabet', async () => {
    await project.rows('create table d.alphabets (`ยอด` numeric, `größe 2` numeric)');
    const uri = await project.put('alphabets.ndjson', [
      '{"ยอด":12345678901234567890.123456789,"größe 2":98765432109876543210.5}',
    ]);
    assert.equal(failure(await project.load('alphabets', [uri])), undefined);
    const rows = await project.rows(
      'select cast(`ยอด` as string) a, cast(`größe 2` as string) b from d.alphabets',
    );
    assert.deepEqual(rows, [{ a: '12345678901234567890.123456789', b: '98765432109876543210.5' }]);
  });

  it('keep every type exactly', async () => {
    await project.rows(`create table d.types (i int64, f float64, n numeric, bn bignumeric, b bool, s string, y bytes, d date,
      dt datetime, t time, ts timestamp, j json, a array<int64>)`);
    const uri = await project.put('types.ndjson', [
      '{"i":9223372036854775807,"f":1e300,"n":12345678901234567890123456789.123456789,"bn":"-0.00000000000000000000000000000000000001","b":true,"s":"x\\u00e9\\n","y":"AP8=","d":"0001-01-01","dt":"9999-12-31T23:59:59.999999","t":"23:59:59.5","ts":"2020-01-02T03:04:05.678901+07:00","j":{"k":[1,null]},"a":[1,"2"]}',
      '{"i":"-9223372036854775808","f":"-Infinity","n":"0.5","bn":99999999999999999999999999999999999999,"b":"false","ts":"2020-01-02 03:04:05 UTC","j":"text","a":[]}',
      '{"f":"NaN","ts":"1969-12-31T23:59:59.999999Z","j":null,"d":null}',
    ]);
    assert.equal(failure(await project.load('types', [uri])), undefined);
    const [first, second, third] =
      await project.rows(`select cast(i as string) i, f, n, bn, b, s, y, d, dt, t, ts, j, a
      from d.types order by i desc`);
    assert.deepEqual(
      [first?.i, first?.f, String(first?.n), String(first?.bn), first?.b, first?.s, first?.y],
      [
        '9223372036854775807',
        1e300,
        '1.2345678901234567890123456789123456789e+28',
        '-1e-38',
        true,
        'xé\n',
        Buffer.of(0, 255),
      ],
    );
    assert.deepEqual(
      [first?.d, first?.dt, first?.t, first?.ts],
      [
        BigQuery.date('0001-01-01'),
        BigQuery.datetime('9999-12-31T23:59:59.999999'),
        BigQuery.time('23:59:59.500000'),
        BigQuery.timestamp('2020-01-01T20:04:05.678901Z'),
      ],
    );
    assert.deepEqual([first?.j, first?.a], ['{"k":[1,null]}', [1, 2]]);
    assert.deepEqual(
      [second?.i, second?.f, String(second?.n), second?.b, second?.j, second?.a],
      ['-9223372036854775808', Number.NEGATIVE_INFINITY, '0.5', false, '"text"', []],
    );
    assert.equal(String(second?.bn), '9.9999999999999999999999999999999999999e+37');
    assert.deepEqual([Number.isNaN(third?.f), third?.j, third?.d], [true, null, null]);
    assert.deepEqual(third?.ts, BigQuery.timestamp('1969-12-31T23:59:59.999999Z'));
  });

  const REFUSED: readonly (readonly [column: string, line: string, problem: RegExp])[] = [
    ['i int64', '{"i":"abc"}', /Could not convert value to int64. Field: i; Value: "abc"/],
    ['i int64', '{"i":9223372036854775808}', /Field: i/],
    ['i int64', '{"i":1.5}', /Field: i/],
    ['i int64', '{"i":"1_000"}', /Field: i/],
    ['f float64', '{"f":"1,5"}', /Field: f/],
    ['n numeric', '{"n":"1.1234567891"}', /Field: n/],
    ['n numeric', '{"n":"100000000000000000000000000000"}', /Field: n/],
    ['n bignumeric', '{"n":"0.123456789012345678901234567890123456789"}', /Field: n/],
    ['b bool', '{"b":"yes"}', /Field: b/],
    ['b bool', '{"b":1}', /Field: b/],
    ['s string', '{"s":{"x":1}}', /Field: s/],
    ['y bytes', '{"y":"not base64!"}', /Field: y/],
    ['d date', '{"d":"2020-02-30"}', /Field: d/],
    ['d date', '{"d":"0000-01-01"}', /Field: d/],
    ['d date', '{"d":"infinity"}', /Field: d/],
    ['t time', '{"t":"24:00:00"}', /Field: t/],
    ['ts timestamp', '{"ts":"yesterday"}', /Field: ts/],
    ['ts timestamp', '{"ts":"2020-01-01 00:00:00.1234567"}', /Field: ts/],
    ['i int64 not null', '{"i":null}', /Missing required field: i/],
    ['i int64 not null', '{}', /Missing required field: i/],
    ['a array<int64>', '{"a":[1,null]}', /Field: a/],
    ['a array<int64>', '{"a":1}', /Field: a/],
    ['i int64', '{"i":1,"other":2}', /No such field: other/],
    ['i int64', '[1]', /Start of array or object expected/],
    ['i int64', '{"i":1', /Malformed JSON/],
  ];
  for (const [index, [column, line, problem]] of REFUSED.entries()) {
    it(`refuse ${line} for ${column}, and load nothing`, async () => {
      const table = `refused_${index}`;
      await project.rows(`create table d.${table} (${column}, ok int64)`);
      const good = await project.put(`${table}/good.ndjson`, [
        column.endsWith('null') ? { i: 1 } : { ok: 1 },
      ]);
      const bad = await project.put(`${table}/bad.ndjson`, [
        column.endsWith('null') ? { i: 2 } : { ok: 2 },
        line,
      ]);
      const job = await project.load(table, [good, bad]);
      assert.equal(failure(job).reason, 'invalid');
      assert.match(failure(job).message, /look into the errors\[\] collection/);
      const [, { message }] = job.metadata.status.errors;
      assert.match(message, problem);
      // Where the row starts: BigQuery does not count rows.
      const start = column.endsWith('null') ? 8 : 9;
      const place = new RegExp(
        `in row starting at position ${start}: .* File: gs://staging/${table}/bad.ndjson$`,
      );
      assert.match(message, place);
      assert.deepEqual(await project.rows(`select count(*) n from d.${table}`), [{ n: 0 }]);
    });
  }

  it('fail with notFound, naming the object that is missing', async () => {
    await project.rows('create table d.missing (i int64)');
    for (const uri of ['gs://staging/none.ndjson', 'gs://no-bucket/x']) {
      const { reason, message } = failure(await project.load('missing', [uri]));
      assert.deepEqual([reason, message], ['notFound', `Not found: URI ${uri}`]);
    }
  });

  it('append, or insist on an empty table, as the job says', async () => {
    const one = await project.put('disposition/1.ndjson', [{ i: 1 }]);
    assert.equal(failure(await project.load('made', [one])).reason, 'notFound');
    await project.rows('create table d.made (i int64)');
    const insist = { writeDisposition: 'WRITE_EMPTY' };
    assert.equal(failure(await project.load('made', [one], insist)), undefined);
    assert.equal(failure(await project.load('made', [one], insist)).reason, 'duplicate');
    await project.load('made', [one], { writeDisposition: 'WRITE_APPEND' });
    await project.load('made', [one]);
    assert.deepEqual(await project.values('select count(*) from d.made'), [3]);
  });

  it('are refused with what the emulator does not have', async () => {
    await project.rows('create table d.plain (i int64)');
    const uri = await project.put('plain.ndjson', [{ i: 1 }]);
    for (const options of [
      { sourceFormat: 'CSV' },
      { maxBadRecords: 1 },
      { ignoreUnknownValues: true },
      { autodetect: true },
      { schema: { fields: [{ name: 'i', type: 'INT64' }] } },
      { writeDisposition: 'WRITE_TRUNCATE' },
    ]) {
      assert.match(failure(await project.load('plain', [uri], options)).message, /does not support/);
    }
    assert.match(failure(await project.load('plain', ['gs://staging/*'])).message, /wildcards/);
    assert.deepEqual(await project.values('select count(*) from d.plain'), [0]);
  });

  it('load a million rows', async () => {
    await project.rows(`create table d.large (project_id int64, enq string, project_name string, project_start date,
      company_id int64, company string, has_pm bool, at timestamp)`);
    const lines = function* () {
      for (let batch = 0; batch < 1000; batch += 1) {
        let text = '';
        for (let i = batch * 1000; i < (batch + 1) * 1000; i += 1) {
          text += `{"project_id":${i},"enq":"ENQ-${i}","project_name":"Project ${i}","project_start":"2020-01-0${(i % 9) + 1}","company_id":${i % 997},"company":"Company ${i % 997}","has_pm":${i % 2 === 0},"at":"2020-01-01T00:00:00.${String(i).padStart(6, '0')}Z"}\n`;
        }
        yield text;
      }
    };
    const object = project.storage
      .bucket('staging')
      .file('large.ndjson.gz')
      .createWriteStream({ resumable: false });
    await pipeline(Readable.from(lines()), createGzip({ level: 1 }), object);
    const job = await project.load('large', ['gs://staging/large.ndjson.gz']);
    assert.equal(failure(job), undefined);
    assert.equal(job.metadata.statistics.load.outputRows, '1000000');
    assert.deepEqual(
      await project.values(
        'select count(distinct project_id), cast(min(at) as string), cast(max(at) as string) from d.large',
      ),
      [1_000_000, '2020-01-01 00:00:00+00', '2020-01-01 00:00:00.999999+00'],
    );
  });
});

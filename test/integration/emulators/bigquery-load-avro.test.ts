import assert from 'node:assert/strict';
import { BigQuery, type Job } from '@google-cloud/bigquery';
import {
  type AvroFileOptions,
  avroFile,
  DATE,
  DATETIME,
  decimal,
  decimalType,
  JSON_TYPE,
  logical,
  nullable,
  rowSchema,
  TIME,
  TIMESTAMP,
} from './avro-file.ts';
import { failure, openProject, type Project } from './bigquery-project.ts';

const BOTH = { decimalTargetTypes: ['NUMERIC', 'BIGNUMERIC'] };

describe('BigQuery emulator: load jobs of Avro files', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());

  /** Loads one file of one block, with logical types. */
  async function load(
    table: string,
    fields: Record<string, unknown>,
    rows: readonly object[],
    options: object = {},
    fileOptions: AvroFileOptions = {},
  ): Promise<Job> {
    const uri = await project.putBytes(`${table}.avro`, avroFile(rowSchema(fields), [rows], fileOptions));
    return await project.load(table, [uri], { sourceFormat: 'AVRO', useAvroLogicalTypes: true, ...options });
  }

  it('keep every type exactly', async () => {
    await project.rows(`create table d.types (i int64 not null, i32 int64, f float64, f32 float64, b bool, s string, e string, y bytes, x bytes,
      d date, t time, tm time, ts timestamp, tsm timestamp, dt datetime, dtm datetime, n numeric, bn bignumeric, j json,
      a array<int64>, ad array<date>, aj array<json>)`);
    const fields = {
      i: 'long',
      i32: nullable('int'),
      f: nullable('double'),
      f32: nullable('float'),
      b: nullable('boolean'),
      s: nullable('string'),
      e: nullable({ type: 'enum', name: 'E', symbols: ['ONE', 'TWO'] }),
      y: nullable('bytes'),
      x: nullable({ type: 'fixed', name: 'X', size: 2 }),
      d: nullable(DATE),
      t: nullable(TIME),
      tm: nullable(logical('int', 'time-millis')),
      ts: nullable(TIMESTAMP),
      tsm: nullable(logical('long', 'timestamp-millis')),
      dt: nullable(DATETIME),
      dtm: nullable(logical('long', 'local-timestamp-millis')),
      n: nullable(decimalType(38, 9)),
      bn: nullable(decimalType(77, 38)),
      j: nullable(JSON_TYPE),
      a: { type: 'array', items: 'long' },
      ad: { type: 'array', items: nullable(DATE) },
      aj: { type: 'array', items: JSON_TYPE },
    };
    const full = {
      i: 9223372036854775807n,
      i32: -2147483648,
      f: 1e300,
      f32: 0.5,
      b: true,
      s: 'xé\n\0\u{1f600}\ufffd',
      e: 'TWO',
      y: Buffer.of(0, 255),
      x: Buffer.of(1, 2),
      d: -719162,
      t: 86_399_999_999n,
      tm: 1500,
      ts: 253_402_300_799_999_999n,
      tsm: -62_135_596_800_000n,
      dt: -62_135_596_800_000_000n,
      dtm: 1500n,
      n: decimal(-99999999999999999999999999999999999999n),
      bn: decimal(-1n),
      j: '{"k" : [1, null, 12345678901234567890]}',
      a: [1n, -2n],
      ad: [2932896],
      aj: ['1', '{"k":2}'],
    };
    const empty = Object.fromEntries(Object.keys(fields).map((name) => [name, null]));
    const rows = [full, { ...empty, i: -9223372036854775808n, a: [], ad: [], aj: [] }];
    assert.equal(failure(await load('types', fields, rows, BOTH)), undefined);
    const [first, second] =
      await project.rows(`select * replace (cast(i as string) as i, cast(n as string) as n, cast(bn as string) as bn)
      from d.types order by b desc`);
    assert.deepEqual(first, {
      i: '9223372036854775807',
      i32: -2147483648,
      f: 1e300,
      f32: 0.5,
      b: true,
      s: full.s,
      e: 'TWO',
      y: full.y,
      x: full.x,
      d: BigQuery.date('0001-01-01'),
      t: BigQuery.time('23:59:59.999999'),
      tm: BigQuery.time('00:00:01.500000'),
      ts: BigQuery.timestamp('9999-12-31T23:59:59.999999Z'),
      tsm: BigQuery.timestamp('0001-01-01T00:00:00Z'),
      dt: BigQuery.datetime('0001-01-01T00:00:00'),
      dtm: BigQuery.datetime('1970-01-01T00:00:01.500000'),
      n: '-99999999999999999999999999999.999999999',
      bn: '-0.00000000000000000000000000000000000001',
      j: '{"k":[1,null,12345678901234567890]}',
      a: [1, -2],
      ad: [BigQuery.date('9999-12-31')],
      aj: ['1', '{"k":2}'],
    });
    assert.deepEqual(second, { ...empty, i: '-9223372036854775808', a: [], ad: [], aj: [] });
  });

  it('ignore logical types unless the job asks for them, but not that of decimals', async () => {
    await project.rows('create table d.raw (d int64, ts int64, n numeric)');
    const fields = { d: nullable(DATE), ts: nullable(TIMESTAMP), n: nullable(decimalType(5, 2)) };
    const rows = [{ d: 1, ts: 2n, n: decimal(-12345n) }];
    assert.equal(failure(await load('raw', fields, rows, { useAvroLogicalTypes: false })), undefined);
    assert.deepEqual(await project.values('select d, ts, cast(n as string) from d.raw'), [1, 2, '-123.45']);
    assert.match(
      failure(await load('raw', fields, rows)).message,
      /Field d has changed type from INTEGER to DATE\. File/,
    );
  });

  // https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationLoad.FIELDS.decimal_target_types
  const TARGETS: readonly (readonly [
    precision: number,
    scale: number,
    targets: string[] | undefined,
    type: string,
  ])[] = [
    [38, 9, ['NUMERIC', 'BIGNUMERIC'], 'numeric'],
    [29, 0, ['BIGNUMERIC', 'NUMERIC'], 'numeric'],
    [39, 9, ['NUMERIC', 'BIGNUMERIC'], 'bignumeric'],
    [38, 10, ['NUMERIC', 'BIGNUMERIC'], 'bignumeric'],
    [76, 38, ['NUMERIC', 'BIGNUMERIC'], 'bignumeric'],
    [77, 38, ['NUMERIC', 'BIGNUMERIC'], 'bignumeric'],
    [5, 2, ['BIGNUMERIC'], 'bignumeric'],
    [77, 38, ['NUMERIC'], 'numeric'],
    [77, 38, undefined, 'numeric'],
  ];
  for (const [index, [precision, scale, targets, type]] of TARGETS.entries()) {
    it(`take a decimal(${precision},${scale}) for a ${type.toUpperCase()} if ${targets ?? 'no type'} may be it`, async () => {
      const other = type === 'numeric' ? 'bignumeric' : 'numeric';
      await project.rows(`create table d.target_${index} (n ${type})`);
      await project.rows(`create table d.other_${index} (n ${other})`);
      const fields = { n: nullable(decimalType(precision, scale)) };
      const rows = [{ n: decimal(-25n * 10n ** BigInt(scale - (scale > 1 ? 2 : 0))) }];
      const options = targets && { decimalTargetTypes: targets };
      assert.equal(failure(await load(`target_${index}`, fields, rows, options)), undefined);
      assert.deepEqual(await project.values(`select cast(n as string) from d.target_${index}`), [
        scale > 1 ? '-0.25' : '-25',
      ]);
      assert.match(failure(await load(`other_${index}`, fields, rows, options)).message, /has changed type/);
    });
  }

  it('refuse a decimal beyond the only type that the job allows', async () => {
    await project.rows('create table d.beyond (n numeric)');
    for (const [units, problem] of [
      [10n ** 29n * 10n ** 38n - 10n ** 29n, undefined],
      [10n ** 29n * 10n ** 38n, /Could not convert value to numeric. Field: n/],
      [-(10n ** 29n) * 10n ** 38n, /Could not convert value to numeric. Field: n/],
      [10n ** 28n, /Could not convert value to numeric. Field: n/],
    ] as const) {
      const rows = [{ n: decimal(units) }];
      const job = await load('beyond', { n: nullable(decimalType(77, 38)) }, rows);
      if (problem) assert.match(failure(job).message, problem);
      else assert.equal(failure(job), undefined);
    }
    assert.deepEqual(await project.values('select cast(n as string) from d.beyond'), [
      '99999999999999999999999999999.999999999',
    ]);
  });

  it('append, or insist on an empty table, as the job says', async () => {
    await project.rows('create table d.insisting (i int64 not null)');
    const insist = { writeDisposition: 'WRITE_EMPTY' };
    const row = [{ i: 1n }];
    assert.equal(failure(await load('insisting', { i: 'long' }, [], insist)), undefined);
    assert.equal(failure(await load('insisting', { i: 'long' }, row, insist)), undefined);
    assert.equal(failure(await load('insisting', { i: 'long' }, row, insist)).reason, 'duplicate');
    assert.equal(failure(await load('insisting', { i: 'long' }, row)), undefined);
    assert.deepEqual(await project.values('select count(*) from d.insisting'), [2]);
    assert.equal(failure(await load('none', { i: 'long' }, row)).reason, 'notFound');
  });

  it('are refused with what the emulator does not have', async () => {
    await project.rows('create table d.plain (i int64)');
    const row = [{ i: 1n }];
    for (const [options, problem] of [
      [{ decimalTargetTypes: ['NUMERIC', 'STRING'] }, /does not support the decimal target type STRING/],
      [{ decimalTargetTypes: ['NUMERIC', 'NUMERIC'] }, /Duplicate types in decimalTargetTypes/],
      [{ writeDisposition: 'WRITE_TRUNCATE' }, /does not support WRITE_TRUNCATE/],
      [{ schema: { fields: [{ name: 'i', type: 'INT64' }] } }, /does not support another schema/],
    ] as const) {
      assert.match(failure(await load('plain', { i: nullable('long') }, row, options)).message, problem);
    }
    const snappy = await load('plain', { i: nullable('long') }, row, {}, { codec: 'snappy' });
    assert.match(failure(snappy).message, /does not support the codec snappy/);
    assert.deepEqual(await project.values('select count(*) from d.plain'), [0]);
  });
});

import assert from 'node:assert/strict';
import {
  avroFile,
  DATE,
  DATETIME,
  decimal,
  decimalType,
  JSON_TYPE,
  logical,
  nullable,
  rawBlock,
  rowBytes,
  rowSchema,
  TIME,
  TIMESTAMP,
} from './avro-file.ts';
import { refusal } from './avro-refusal.ts';
import { failure, openProject, type Project } from './bigquery-project.ts';

const NO_UTF8 = Buffer.of(0x22, 0xc3, 0x28, 0x22);

describe('BigQuery emulator: refused load jobs of Avro files', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());

  const VALUES: readonly (readonly [
    type: string,
    avro: unknown,
    good: unknown,
    bad: unknown,
    problem: RegExp,
  ])[] = [
    ['date', DATE, 2932896, 2932897, /Could not convert value to date. Field: v; Value: 2932897/],
    ['date', DATE, -719162, -719163, /Field: v/],
    [
      'timestamp',
      TIMESTAMP,
      253402300799999999n,
      253402300800000000n,
      /Could not convert value to timestamp. Field: v/,
    ],
    ['timestamp', TIMESTAMP, -62135596800000000n, -62135596800000001n, /Field: v/],
    ['timestamp', logical('long', 'timestamp-millis'), 0n, 253402300800000n, /Field: v/],
    [
      'datetime',
      DATETIME,
      253402300799999999n,
      253402300800000000n,
      /Could not convert value to datetime. Field: v/,
    ],
    ['datetime', DATETIME, -62135596800000000n, -62135596800000001n, /Field: v/],
    ['time', TIME, 0n, 86400000000n, /Could not convert value to time. Field: v/],
    ['time', TIME, 0n, -1n, /Field: v/],
    [
      'numeric',
      decimalType(38, 9),
      decimal(1n),
      decimal(10n ** 38n),
      /Could not convert value to numeric. Field: v/,
    ],
    ['numeric', decimalType(38, 9), decimal(1n), decimal(-(10n ** 38n)), /Field: v/],
    ['numeric', decimalType(3, 1), decimal(999n), decimal(1000n), /Field: v/],
    ['numeric', decimalType(3, 1), decimal(0n), Buffer.of(), /Field: v/],
    [
      'bignumeric',
      decimalType(77, 38),
      decimal(10n ** 76n - 1n),
      decimal(10n ** 76n),
      /to bignumeric. Field: v/,
    ],
    ['bignumeric', decimalType(77, 38), decimal(1n - 10n ** 76n), decimal(-(10n ** 76n)), /Field: v/],
    ['bignumeric', decimalType(60, 39), decimal(10n), decimal(11n), /Field: v/],
    ['json', JSON_TYPE, '{"k":1}', '{"k":1', /Could not convert value to json. Field: v; Value: {"k":1\. In/],
    ['json', JSON_TYPE, '"k"', 'k', /Field: v/],
    ['json', JSON_TYPE, '"k"', '', /Field: v/],
  ];
  for (const [index, [type, avro, good, bad, problem]] of VALUES.entries()) {
    const shown = Buffer.isBuffer(bad) ? `0x${bad.toString('hex')}` : bad;
    it(`name the row and the field of the value ${shown} for ${type} by ${JSON.stringify(avro)}`, async () => {
      const table = `value_${index}`;
      await project.rows(`create table d.${table} (v ${type})`);
      const schema = rowSchema({ v: nullable(avro) });
      const rows = [{ v: good }, { v: null }];
      const file = avroFile(schema, [rows, [...rows, { v: bad }]]);
      const message = await refusal(project, table, avroFile(schema, [rows]), file);
      assert.match(message, problem);
      const start = avroFile(schema, [rows]).length;
      assert.ok(message.includes(`In row 3 of block 2, which starts at byte ${start}.`), message);
    });
  }

  it('name the row and the field of text that is no UTF-8', async () => {
    for (const [index, [column, type]] of [
      ['v string', 'string'],
      ['v json', JSON_TYPE],
      ['v array<string>', { type: 'array', items: 'string' }],
    ].entries()) {
      const table = `utf8_${index}`;
      await project.rows(`create table d.${table} (${column})`);
      const isArray = String(column).includes('array');
      const schema = rowSchema({ v: isArray ? type : nullable(type) });
      const asBytes = rowSchema({ v: isArray ? { type: 'array', items: 'bytes' } : nullable('bytes') });
      const bad = rawBlock(1, rowBytes(asBytes, [{ v: isArray ? [NO_UTF8] : NO_UTF8 }]));
      const good = { v: isArray ? ['a'] : '"a"' };
      const message = await refusal(
        project,
        table,
        avroFile(schema, [[good]]),
        avroFile(schema, [[good], bad]),
      );
      assert.match(
        message,
        /Could not convert value to .*. Field: v; Value: 0x22c32822. In row 1 of block 2/,
      );
    }
  });

  it('name the row of text that is cut off', async () => {
    await project.rows('create table d.cut (v string)');
    const text = rowSchema({ v: nullable('string') });
    const rows = [{ v: 'one' }, { v: 'two' }];
    const bad = rawBlock(2, rowBytes(text, rows).subarray(0, -1));
    const message = await refusal(project, 'cut', avroFile(text, [rows]), avroFile(text, [bad]));
    assert.match(message, /The block is cut off. In row 2 of block 1/);
  });

  it('name the row and the field of an array with a null', async () => {
    await project.rows('create table d.elements (v array<int64>)');
    const schema = rowSchema({ v: { type: 'array', items: nullable('long') } });
    const file = avroFile(schema, [[{ v: [1n] }, { v: [1n, null] }]]);
    const message = await refusal(project, 'elements', avroFile(schema, [[{ v: [] }]]), file);
    assert.match(
      message,
      /Could not convert value to array<int64>. Field: v; Value: null. In row 2 of block 1/,
    );
  });

  const SCHEMAS: readonly (readonly [column: string, fields: Record<string, unknown>, problem: RegExp])[] = [
    ['v int64', { v: nullable('long'), w: nullable('long') }, /Cannot add fields \(field: w\)/],
    ['v int64', { V: nullable('long') }, /Cannot add fields \(field: V\)/],
    ['v string', { v: nullable('long') }, /Field v has changed type from STRING to INTEGER/],
    ['v int64', { v: nullable('string') }, /Field v has changed type from INTEGER to STRING/],
    ['v float64', { v: nullable('int') }, /Field v has changed type from FLOAT to INTEGER/],
    ['v numeric', { v: nullable('string') }, /Field v has changed type from NUMERIC to STRING/],
    ['v json', { v: nullable('string') }, /Field v has changed type from JSON to STRING/],
    ['v string', { v: nullable(JSON_TYPE) }, /Field v has changed type from STRING to JSON/],
    ['v timestamp', { v: nullable('long') }, /Field v has changed type from TIMESTAMP to INTEGER/],
    ['v timestamp', { v: nullable(DATETIME) }, /Field v has changed type from TIMESTAMP to DATETIME/],
    // Not a representation of the logical type, which is ignored then.
    ['v date', { v: nullable(logical('long', 'date')) }, /Field v has changed type from DATE to INTEGER/],
    ['v bytes', { v: nullable(decimalType(5, 2)) }, /Field v has changed type from BYTES to NUMERIC/],
    ['v numeric', { v: nullable(decimalType(2, 5)) }, /Field v has changed type from NUMERIC to BYTES/],
    ['v int64 not null', { v: nullable('long') }, /Field v has changed mode from REQUIRED to NULLABLE/],
    ['v int64', { v: 'long' }, /Field v has changed mode from NULLABLE to REQUIRED/],
    ['v array<int64>', { v: nullable('long') }, /Field v has changed mode from REPEATED to NULLABLE/],
    [
      'v int64',
      { v: { type: 'array', items: 'long' } },
      /Field v has changed mode from NULLABLE to REPEATED/,
    ],
    ['v int64 not null, w int64', { w: nullable('long') }, /Missing required field: v/],
    [
      'v array<int64>',
      { v: nullable({ type: 'array', items: 'long' }) },
      /does not support the type array here. Field: v/,
    ],
    [
      'v array<int64>',
      { v: { type: 'array', items: { type: 'array', items: 'long' } } },
      /does not support the type array here/,
    ],
    ['v string', { v: { type: 'map', values: 'string' } }, /does not support the type map here. Field: v/],
    [
      'v string',
      { v: { type: 'record', name: 'R', fields: [] } },
      /does not support the type record here. Field: v/,
    ],
    ['v int64', { v: 'null' }, /does not support the type null here. Field: v/],
    ['v int64', { v: ['null', 'long', 'string'] }, /supports unions of null and one type only. Field: v/],
    ['v int64', { v: ['null'] }, /supports unions of null and one type only. Field: v/],
    ['v int64', {}, /The record has no fields/],
    ['v int64', { 'v w': nullable('long') }, /Invalid schema \(invalid field name: v w\)/],
    ['v int64', { größe: nullable('long') }, /Invalid schema \(invalid field name: größe\)/],
    ['v int64', { '1st': nullable('long') }, /Invalid schema \(invalid field name: 1st\)/],
    [
      'v string',
      { v: nullable({ type: 'enum', name: 'E.x-y', symbols: ['A'] }) },
      /Invalid schema \(invalid name: "E.x-y"\)/,
    ],
    [
      'v string',
      { v: nullable({ type: 'enum', name: 'E', symbols: ['A B'] }) },
      /Invalid schema \(invalid "E" symbol: "A B"\)/,
    ],
    ['v int64', { v: nullable('integer') }, /Invalid schema \(undefined type name: integer\)/],
  ];
  for (const [index, [columns, fields, problem]] of SCHEMAS.entries()) {
    it(`refuse the schema ${JSON.stringify(fields)} for ${columns}`, async () => {
      const table = `schema_${index}`;
      await project.rows(`create table d.${table} (${columns})`);
      const uri = await project.putBytes(`${table}.avro`, avroFile(rowSchema(fields), []));
      const job = await project.load(table, [uri], { sourceFormat: 'AVRO', useAvroLogicalTypes: true });
      const { reason, message } = failure(job);
      assert.equal(reason, 'invalid');
      assert.match(message, problem);
      assert.ok(message.endsWith(` File: ${uri}`), message);
    });
  }
});

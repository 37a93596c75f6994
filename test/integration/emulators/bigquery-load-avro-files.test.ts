import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import avro from 'avsc';
import { avroFile, logical, nullable, rowSchema, type Schema, TIMESTAMP } from './avro-file.ts';
import { failure, openProject, type Project } from './bigquery-project.ts';

describe('BigQuery emulator: load jobs of several Avro files, blocks and codecs', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());

  for (const codec of ['null', 'deflate', 'zstandard']) {
    it(`read blocks that are compressed by ${codec}`, async () => {
      await project.rows(`create table d.codec_${codec} (i int64 not null, s string)`);
      const schema = rowSchema({ i: 'long', s: nullable('string') });
      const row = (i: number) => ({ i: BigInt(i), s: `row ${i}` });
      const blocks = [[row(1), row(2)], [], Array.from({ length: 5000 }, (_, i) => row(i + 3))];
      const uri = await project.putBytes(`${codec}.avro`, avroFile(schema, blocks, { codec }));
      const job = await project.load(`codec_${codec}`, [uri], { sourceFormat: 'AVRO' });
      assert.equal(failure(job), undefined);
      assert.equal(job.metadata.statistics.load.outputRows, '5002');
      assert.deepEqual(
        await project.values(`select count(distinct i), max(i), max(s) from d.codec_${codec}`),
        [5002, 5002, 'row 999'],
      );
    });
  }

  it('read what avsc itself writes', async () => {
    await project.rows('create table d.streamed (i int64 not null, s string)');
    const schema = rowSchema({ i: 'long', s: nullable('string') });
    const encoder = new avro.streams.BlockEncoder(schema, { codec: 'deflate', blockSize: 1000 });
    const rows = Array.from({ length: 3000 }, (_, i) => ({ i, s: i % 2 ? null : `row ${i}` }));
    const chunks = Readable.from(rows).pipe(encoder);
    const bytes = Buffer.concat(await chunks.toArray());
    const uri = await project.putBytes('streamed.avro', bytes);
    const job = await project.load('streamed', [uri], { sourceFormat: 'AVRO' });
    assert.equal(failure(job), undefined);
    assert.deepEqual(
      await project.values('select count(distinct i), count(s), max(i) from d.streamed'),
      [3000, 1500, 2999],
    );
  });

  it('read files of compatible schemas by that of the last name', async () => {
    await project.rows('create table d.several (i int64 not null, s string, a array<int64>, late date)');
    const put = (name: string, fields: Record<string, unknown>, rows: readonly object[]) =>
      project.putBytes(`several/${name}.avro`, avroFile(rowSchema(fields), [rows]));
    const newest = await put('z', { i: 'long', s: nullable('string') }, [{ i: 1n, s: 'one' }]);
    const older = await put('b', { i: 'int' }, [{ i: 2 }]);
    const reordered = await put('c', { s: nullable('string'), i: 'long' }, [{ i: 3n, s: null }]);
    const options = { sourceFormat: 'AVRO' };
    assert.equal(failure(await project.load('several', [newest, older, reordered], options)), undefined);
    assert.deepEqual(await project.rows('select * from d.several order by i'), [
      { i: 1, s: 'one', a: [], late: null },
      { i: 2, s: null, a: [], late: null },
      { i: 3, s: null, a: [], late: null },
    ]);
    for (const [name, fields, row, problem] of [
      [
        'more',
        { i: 'long', late: nullable('string') },
        { i: 4n, late: null },
        /only some files have the field late/,
      ],
      ['unlike', { i: 'string' }, { i: '4' }, /the field i has another type in other files/],
      ['logical', { i: TIMESTAMP }, { i: 4n }, /the field i has another type in other files/],
      ['null', { i: nullable('long') }, { i: 4n }, /Incompatible schemas: cannot read "null" as/],
      [
        'without',
        { s: nullable('string') },
        { s: null },
        /Incompatible schemas: no matching field for default-less Row.i/,
      ],
    ] as const) {
      const uri = await put(name, fields, [row]);
      const { message } = failure(
        await project.load('several', [newest, uri], { ...options, useAvroLogicalTypes: true }),
      );
      assert.match(message, problem);
      assert.ok(message.endsWith(` File: ${uri}`), message);
    }
    assert.deepEqual(await project.values('select count(*) from d.several'), [3]);
  });

  it('refuse files with times in different units', async () => {
    await project.rows('create table d.units (ts timestamp)');
    const put = (name: string, type: object) =>
      project.putBytes(`units/${name}.avro`, avroFile(rowSchema({ ts: nullable(type) }), [[{ ts: 1n }]]));
    const uris = [await put('a', logical('long', 'timestamp-millis')), await put('b', TIMESTAMP)];
    const job = await project.load('units', uris, { sourceFormat: 'AVRO', useAvroLogicalTypes: true });
    assert.match(failure(job).message, /the field ts has another type in other files/);
  });

  it('fill what older files have not with the defaults of the last one', async () => {
    await project.rows('create table d.defaults (i int64 not null, k int64 not null, s string not null)');
    const put = async (name: string, fields: readonly object[], row: object) => {
      const schema = {
        type: 'record',
        name: 'Row',
        fields: [{ name: 'i', type: 'long' }, ...fields],
      } as Schema;
      return await project.putBytes(`defaults/${name}.avro`, avroFile(schema, [[row]]));
    };
    const k = { name: 'k', type: 'long', default: -5 };
    const s = (value: string) => ({ name: 's', type: 'string', default: value });
    const older = await put('a', [], { i: 1n });
    const newer = await put('b', [k, s('näñ €')], { i: 2n, k: 7n, s: 'some' });
    const options = { sourceFormat: 'AVRO' };
    assert.equal(failure(await project.load('defaults', [older, newer], options)), undefined);
    assert.deepEqual(await project.rows('select * from d.defaults order by i'), [
      { i: 1, k: -5, s: 'näñ €' },
      { i: 2, k: 7, s: 'some' },
    ]);
  });
});

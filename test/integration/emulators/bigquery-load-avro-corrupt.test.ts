import assert from 'node:assert/strict';
import {
  type AvroFileOptions,
  avroFile,
  nullable,
  rawBlock,
  rowBytes,
  rowSchema,
  SYNC,
} from './avro-file.ts';
import { refusal } from './avro-refusal.ts';
import { openProject, type Project } from './bigquery-project.ts';

describe('BigQuery emulator: load jobs of corrupt Avro files', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
  });
  after(() => project.close());

  const schema = rowSchema({ v: nullable('long') });
  const good = [{ v: 1n }, { v: null }];
  const bytes = rowBytes(schema, good);
  const whole = avroFile(schema, [good]);
  const start = avroFile(schema, []).length;
  const inBlock = `in block 2, which starts at byte ${whole.length}`;
  const zeros = rawBlock(1, Buffer.alloc(0), SYNC, 2 ** 30);
  const deflated = (block: Buffer, options: AvroFileOptions = {}) =>
    avroFile(schema, [good, block], { codec: 'deflate', ...options });
  const FILES: readonly (readonly [what: string, file: Buffer, problem: RegExp | string])[] = [
    ['nothing', Buffer.of(), 'Magic does not match'],
    ['JSON', Buffer.from('{"v":1}\n'), 'Magic does not match'],
    ['half a header', whole.subarray(0, start - 1), 'The header is cut off'],
    [
      'a header without schema',
      avroFile(schema, [], { metadata: { 'avro.schema': undefined } }),
      'The header has no schema',
    ],
    [
      'a schema that is no JSON',
      avroFile(schema, [], { metadata: { 'avro.schema': '{' } }),
      /Invalid schema \(.*JSON/,
    ],
    [
      'a schema that is no record',
      avroFile(schema, [], { metadata: { 'avro.schema': '"long"' } }),
      'The schema is not a record',
    ],
    [
      'an unknown codec',
      avroFile(schema, [good], { metadata: { 'avro.codec': 'zstd' } }),
      'Unknown codec: zstd',
    ],
    [
      'a block of a codec that the header does not name',
      deflated(rawBlock(1, bytes)),
      /The codec deflate cannot read the data \(.*\) in block 2/,
    ],
    ['the start of a block', avroFile(schema, [good, Buffer.of(4)]), `The file ends ${inBlock}`],
    ['half a block', avroFile(schema, [good, rawBlock(2, bytes).subarray(0, 3)]), `The file ends ${inBlock}`],
    [
      'a block without its last byte',
      avroFile(schema, [good, rawBlock(2, bytes).subarray(0, -1)]),
      `The file ends ${inBlock}`,
    ],
    [
      'another sync marker',
      avroFile(schema, [good, rawBlock(2, bytes, Buffer.alloc(16))]),
      `The sync marker does not match ${inBlock}`,
    ],
    [
      'a negative count',
      avroFile(schema, [good, rawBlock(-1, bytes)]),
      `There is a negative count ${inBlock}`,
    ],
    ['a count beyond 2^53', avroFile(schema, [good, Buffer.alloc(20, 0xfe)]), 'The file is corrupt'],
    [
      'more rows than data',
      avroFile(schema, [good, rawBlock(3, bytes)]),
      'The block is cut off. In row 3 of block 2',
    ],
    [
      'fewer rows than data',
      avroFile(schema, [good, rawBlock(1, bytes)]),
      'There are bytes behind the last row of block 2',
    ],
    [
      'a branch that the union has not',
      avroFile(schema, [good, rawBlock(1, Buffer.of(4))]),
      'invalid union index: 2. In row 1 of block 2',
    ],
    ['a block of more than 16 MB', avroFile(schema, [good, zeros]), `There are more than 16 MB ${inBlock}`],
  ];
  for (const [index, [what, file, problem]] of FILES.entries()) {
    it(`refuse a file with ${what}`, async () => {
      await project.rows(`create table d.file_${index} (v int64)`);
      const message = await refusal(project, `file_${index}`, avroFile(schema, [good]), file);
      if (problem instanceof RegExp) assert.match(message, problem);
      else assert.ok(message.includes(problem), message);
    });
  }

  it('refuse a block whose content has more than 16 MB', async () => {
    await project.rows('create table d.unpacked (v string)');
    const text = rowSchema({ v: nullable('string') });
    for (const codec of ['deflate', 'zstandard']) {
      const [fits, over] = [{ v: 'x'.repeat(2 ** 24 - 6) }, { v: 'x'.repeat(2 ** 24) }];
      const message = await refusal(
        project,
        'unpacked',
        avroFile(text, [[fits]], { codec }),
        avroFile(text, [[over]], { codec }),
      );
      assert.match(message, /There are more than 16 MB in block 1/);
    }
  });
});

import assert from 'node:assert/strict';
import { openProject, type Project } from './bigquery-project.ts';
import {
  type AppendRowsRequest,
  defaultStream,
  NUMBER,
  openCall,
  openWriter,
  outcome,
  type RowMessage,
  requestOf,
  rowMessage,
} from './bigquery-writer.ts';

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

const ROW = rowMessage({ id: 'int64', name: 'string' });
const NUMBERED = rowMessage({ id: 'int64', name: 'string', ...NUMBER });

describe('BigQuery emulator: what the Storage Write API refuses', () => {
  let project: Project;
  before(async () => {
    project = await openProject();
    await project.rows(`
      create table d.t (id int64 not null, name string, tags array<string>, at timestamp, primary key (id) not enforced);
      create table d.keyless (id int64 not null, name string);
      create table d.strict (id int64, name string not null, primary key (id) not enforced);
      create table d.large (id int64, name string, primary key (id) not enforced);
      create view d.v as select 1 as id`);
  });
  after(() => project.close());

  /** How a call ends that consists of these requests, and how many of them were answered. */
  async function endOf(...requests: AppendRowsRequest[]): Promise<string> {
    const call = openCall(project.standIn.writeHost);
    try {
      for (const request of requests) call.write(request);
      const { code, message } = await call.ended;
      return `${code} after ${call.responses.length}: ${message}`;
    } finally {
      await call.close();
    }
  }
  const rowsOf = async (table: string) => (await project.values(`select count(*) from d.${table}`))[0];

  describe('ends the connection', () => {
    const valid = requestOf('t', ROW, [{ id: 1 }]);

    it('when its first request lacks the stream or the writer schema', async () => {
      const { protoRows } = valid;
      assert.match(await endOf({ protoRows: protoRows ?? null }), /^3 after 0: .*must have a write_stream/);
      assert.match(
        await endOf({ ...valid, protoRows: { rows: protoRows?.rows ?? null } }),
        /^3 after 0: .*must have a writer_schema/,
      );
    });

    it('when a request to another stream lacks the writer schema', async () => {
      const { protoRows } = valid;
      const other = { writeStream: defaultStream('keyless'), protoRows: { rows: protoRows?.rows ?? null } };
      assert.match(await endOf(valid, other), /^3 after 1: .*must have a writer_schema/);
    });

    for (const [what, fields, expected] of [
      ['has a field that is no column', { id: 'int64', nme: 'string' }, /extra fields: 'nme'/],
      [
        'has a field of a type that does not convert',
        { id: 'string' },
        /TestRow\.id, the proto field type string, BigQuery field type INT64/,
      ],
      [
        'has a single field for a repeated column',
        { id: 'int64', tags: 'string' },
        /TestRow\.tags, the proto field type string, BigQuery field type ARRAY<STRING>/,
      ],
      [
        'has a repeated field for a single column',
        { id: 'int64', name: 'repeated string' },
        /TestRow\.name, the proto field type repeated string/,
      ],
      ['lacks a column of the key', { name: 'string' }, /missing the primary key column 'id'/],
      [
        'has a type of change that is no text',
        { id: 'int64', _CHANGE_TYPE: 'int64' },
        /TestRow\._CHANGE_TYPE/,
      ],
    ] as const) {
      it(`when its descriptor ${what}`, async () => {
        const end = await endOf(requestOf('t', rowMessage(fields), []));
        assert.match(end, new RegExp(`^${INVALID_ARGUMENT} after 0: `));
        assert.match(end, expected);
      });
    }

    it('when the table has no primary key, or needs a column that the rows lack', async () => {
      await project.rows(
        'create table d.two_keys (id int64, name string, primary key (id, name) not enforced)',
      );
      const onlyId = rowMessage({ id: 'int64', ...NUMBER });
      for (const [table, expected] of [
        ['keyless', /^3 after 0: .*needs a table with a primary key/],
        ['two_keys', /^3 after 0: .*missing the primary key column 'name'/],
        ['strict', /^3 after 0: .*missing the required field 'name'/],
      ] as const) {
        assert.match(await endOf(requestOf(table, onlyId, [])), expected);
      }
    });

    it('when its rows are not changes', async () => {
      const { descriptor } = ROW;
      const plain = descriptor.field?.filter(({ name }) => name !== '_CHANGE_TYPE') ?? [];
      const message = { ...ROW, descriptor: { ...descriptor, field: plain } };
      assert.match(await endOf(requestOf('t', message, [])), /^12 after 0: .*rows without _CHANGE_TYPE/);
      assert.match(await endOf(valid, requestOf('t', message, [])), /^12 after 1: /);
    });

    it('when the table or its dataset is not there, or goes away', async () => {
      assert.match(
        await endOf(requestOf('nothing', ROW, [{ id: 1 }])),
        /^5 after 0: .*Not found: Table p1:d\.nothing/,
      );
      const elsewhere = { ...valid, writeStream: 'projects/p1/datasets/none/tables/t/streams/_default' };
      assert.match(await endOf(elsewhere), /^5 after 0: .*Not found: Dataset p1:none/);

      await project.rows('create table d.short_lived (id int64, name string, primary key (id) not enforced)');
      const writer = await openWriter(project.standIn.writeHost, 'short_lived', ROW);
      await writer.append({ id: 1 });
      await project.rows('drop table d.short_lived');
      await assert.rejects(writer.append({ id: 2 }), { code: NOT_FOUND });
      writer.close();
    });

    it('when the stream is not a default one, or belongs to no table', async () => {
      const streams = 'projects/p1/datasets/d/tables/t/streams';
      assert.match(
        await endOf({ ...valid, writeStream: `${streams}/s1` }),
        /^12 after 0: .*other than _default/,
      );
      assert.match(await endOf({ ...valid, writeStream: 'd.t' }), /^3 after 0: .*Invalid stream name: d\.t/);
      assert.match(await endOf({ ...valid, writeStream: defaultStream('v') }), /^3 after 0: .*not to a view/);
    });

    it('when a request has an offset, is in Arrow format, wants defaults, or is too large', async () => {
      assert.match(await endOf({ ...valid, offset: { value: 0 } }), /^3 after 0: .*An offset is not allowed/);
      const { writeStream } = valid;
      assert.match(await endOf({ writeStream: writeStream ?? '', arrowRows: { rows: {} } }), /^12 after 0: /);
      const defaults = { ...valid, defaultMissingValueInterpretation: 'DEFAULT_VALUE' as const };
      assert.match(await endOf(defaults), /^12 after 0: .*default values/);
      const large = (bytes: number) => requestOf('large', ROW, [{ id: 1, name: 'x'.repeat(bytes) }]);
      assert.match(await endOf(large(20_000_000)), /^3 after 0: .*larger than the maximum of 20000000 bytes/);
      const writer = await openWriter(project.standIn.writeHost, 'large', ROW);
      assert.equal(outcome(await writer.append({ id: 1, name: 'x'.repeat(19_000_000) })), 'OK');
      writer.close();
    });
  });

  it('does not know streams of other kinds', async () => {
    const writer = await openWriter(project.standIn.writeHost, 't', ROW);
    await assert.rejects(
      writer.client.createWriteStream({
        streamType: 'PENDING',
        destinationTable: 'projects/p1/datasets/d/tables/t',
      }),
      { code: UNIMPLEMENTED },
    );
    await assert.rejects(writer.client.getWriteStream({ streamId: defaultStream('t') }), {
      code: UNIMPLEMENTED,
    });
    writer.close();
  });

  describe('rejects a request and keeps the connection', () => {
    /** Sends a good row with the bad ones, then a good one alone; answers what was said of the bad ones. */
    async function said(
      message: RowMessage,
      good: object,
      ...bad: (object | Uint8Array)[]
    ): Promise<string[]> {
      await project.rows(
        'create or replace table d.t (id int64 not null, name string, tags array<string>, at timestamp, primary key (id) not enforced)',
      );
      const writer = await openWriter(project.standIn.writeHost, 't', message);
      const encoded = bad.map((row) => (row instanceof Uint8Array ? row : message.encode(row as never)));
      const answer = await writer.send([message.encode(good as never), ...encoded]);
      const [status, ...rows] = outcome(answer).split('\n');
      assert.equal(status, `error ${INVALID_ARGUMENT}`);
      assert.ok(answer.rowErrors?.every(({ code }) => code === 'FIELDS_ERROR'));
      assert.equal(await rowsOf('t'), 0);
      assert.equal(outcome(await writer.append(good as never)), 'OK');
      assert.equal(await rowsOf('t'), 1);
      assert.deepEqual(writer.connectionErrors, []);
      writer.close();
      return rows;
    }

    it('for rows that are no messages of the descriptor', async () => {
      const good = ROW.encode({ id: 1, name: 'abc' });
      const wrongWireType = rowMessage({ id: 'string' }).encode({ id: 'x' });
      const unknownField = rowMessage({
        id: 'int64',
        name: 'string',
        _CHANGE_TYPE: 'string',
        more: 'int64',
      }).encode({ id: 1, more: 1 });
      const rows = await said(
        ROW,
        { id: 1 },
        good.subarray(0, -1),
        wrongWireType,
        unknownField,
        Buffer.from([255]),
      );
      assert.deepEqual(
        rows.map((row) => Number.parseInt(row, 10)),
        [1, 2, 3, 4],
      );
      assert.match(rows[1] ?? '', /Field id: wire type 2 is not that of int64/);
      assert.match(rows[2] ?? '', /Field number 4 is not in the writer schema/);
    });

    it('for a row without a required value, whichever side requires it', async () => {
      assert.deepEqual(await said(ROW, { id: 1 }, { name: 'x' }), [
        '1: Field id: required, but missing in the row',
      ]);
      const stricter = rowMessage({ id: 'int64', name: 'required string' });
      const withoutName = ROW.encode({ id: 2 });
      assert.deepEqual(await said(stricter, { id: 1, name: 'x' }, withoutName), [
        '1: Field name: required, but missing in the row',
      ]);
    });

    it('for a text that is not UTF-8, but not for one with the replacement character', async () => {
      const broken = rowMessage({ id: 'int64', name: 'bytes' }).encode({
        id: 2,
        name: Buffer.from([0x61, 0xff]),
      });
      assert.deepEqual(await said(ROW, { id: 1, name: 'a\ufffd' }, broken), [
        '1: Field name: not a value of string',
      ]);
    });

    const good = { id: 1, _CHANGE_TYPE: 'UPSERT', _CHANGE_SEQUENCE_NUMBER: '1' };

    it('for a change of an unknown type, or of none', async () => {
      const types = ['INSERT', 'upsert', '', undefined].map((type) => ({ ...good, _CHANGE_TYPE: type }));
      assert.deepEqual(
        await said(NUMBERED, good, ...types),
        ['INSERT', 'upsert', '', 'missing'].map(
          (is, index) => `${index + 1}: Field _CHANGE_TYPE: must be UPSERT or DELETE, and is ${is}`,
        ),
      );
    });

    it('for a number that is malformed, or missing where others have one', async () => {
      const malformed = [
        '',
        'G',
        'A/',
        '/A',
        'A//B',
        '1/2/3/4/5',
        '12345678901234567',
        '0x1',
        ' 1',
        '-1',
        '1\n',
      ];
      const { _CHANGE_SEQUENCE_NUMBER: _, ...without } = good;
      const rows = await said(
        NUMBERED,
        good,
        ...malformed.map((text) => ({ ...good, _CHANGE_SEQUENCE_NUMBER: text })),
        without,
      );
      assert.equal(
        rows.filter((row) => row.includes('not a valid sequence number')).length,
        malformed.length,
      );
      assert.equal(
        rows.at(-1),
        '12: Field _CHANGE_SEQUENCE_NUMBER: must be in every row of a connection, or in none',
      );
    });

    it('for a change without its key', async () => {
      const { id: _, ...keyless } = good;
      assert.deepEqual(await said(NUMBERED, good, { ...keyless, _CHANGE_TYPE: 'DELETE' }), [
        '1: Field id: required, but missing in the row',
      ]);
    });

    it('and lists bad rows of every kind in their order', async () => {
      const message = rowMessage({ id: 'int64', at: 'int64' });
      const rows = await said(message, { id: 1 }, { at: 1 }, { id: 2, at: '253402300800000000' }, { at: 2 });
      assert.deepEqual(rows, [
        '1: Field id: required, but missing in the row',
        '2: Field at: could not convert value to timestamp: 253402300800000000',
        '3: Field id: required, but missing in the row',
      ]);
    });
  });
});

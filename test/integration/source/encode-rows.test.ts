import assert from 'node:assert/strict';
import type pg from 'pg';
import { formatsOf } from '../../../functions/extract/formats-of.ts';
import type { BigQueryType, Column } from '../../../shared/model/columns.ts';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import { TupleEncoder } from '../../../shared/source/decode/encode-rows.ts';
import { describeView, type SourceView } from '../../../shared/source/describe-view.ts';
import { copyRows, type RowSet, upsertRows, upsertsStatement } from '../../../shared/source/fetch.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { messagesOf } from '../../../shared/staging/format/message-blocks.ts';
import { type StreamMessage, streamMessage } from '../../../shared/warehouse/stream-message.ts';
import { TYPES } from './example-values.ts';
import { makeViewSource } from './make-view-source.ts';
import { CONTENT_TYPE_TABLE, useSource } from './use-source.ts';
import { createValuedView, EXAMPLE_SCHEMA } from './valued-view.ts';

const WHOLE: RowSet = { kind: 'slice', slice: { from: null, to: null }, isDirectLoad: false };

/** SQL for the value that a field must hold, as text. A type that is not listed uses PostgreSQL's JSON. */
const EXPECTED_SQL: Partial<Record<BigQueryType, (value: string) => string>> = {
  BYTES: (value) => `encode(${value}, 'hex')`,
  DATE: (value) => `(${value} - date '1970-01-01')::text`,
  FLOAT64: (value) => `${value}::float8::text`,
  // A JSON null arrives as NULL.
  JSON: (value) => `nullif(to_jsonb(${value}), 'null')::text`,
  TIMESTAMP: (value) => `(extract(epoch from ${value}) * 1000000)::bigint::text`,
};

describe('the rows of a view as they are streamed', () => {
  const source = useSource(EXAMPLE_SCHEMA);

  /** The values of the view's column `value`, as PostgreSQL has them and as they were sent: as text, in the order of the keys. */
  const compared = (differing: Partial<ViewSource> = {}) =>
    inSnapshot(source.pool, async (client) => {
      const viewSource = makeViewSource({ name: 'valued', loadType: 'bq-storage-api', ...differing });
      const view = await describeView(client, viewSource, CONTENT_TYPE_TABLE);
      const column = view.shape.columns.find(({ name }) => name === 'value');
      assert.ok(column);
      return {
        expected: await normalised(client, column, await expectedValues(client, column)),
        sent: await normalised(client, column, await sentValues(client, view)),
      };
    });

  for (const [type, becomes, values] of TYPES) {
    it(`I9 carry every ${type} exactly, as ${becomes}`, async () => {
      await createValuedView(source.pool, type, [...values.map(([literal]) => literal), 'null']);
      const { expected, sent } = await compared();
      assert.deepEqual(sent, expected);
    });
  }

  it('I9 carry datetimes as microseconds', async () => {
    const literals = [
      `'2024-02-29 23:59'`,
      `'0001-01-01'`,
      `'9999-12-31 23:59:59.999999'`,
      `'1969-12-31 23:59'`,
    ];
    await createValuedView(source.pool, 'timestamp', literals);
    const { expected, sent } = await compared({ datetimeColumns: ['value'] });
    assert.deepEqual(sent, expected);
  });

  for (const [type, fallback, sent] of [
    ['integer', 7, '7'],
    ['boolean', false, 'false'],
    ['double precision', 1e-7, '1e-7'],
    ['numeric', 0, '0'],
    ['text', 'n/a', 'n/a'],
    ['date', '1970-01-02', '1'],
    ['timestamptz', '1970-01-01 00:00:01', '1000000'],
    ['jsonb', 'n/a', '"n/a"'],
  ] as const) {
    it(`carry the configured default if a ${type} is NULL`, async () => {
      await createValuedView(source.pool, type, ['null']);
      assert.deepEqual((await compared({ nullDefaults: { value: fallback } })).sent, [sent]);
    });
  }
});

async function expectedValues(client: pg.ClientBase, { type, mode }: Column): Promise<unknown[]> {
  const expectedOf = EXPECTED_SQL[type] ?? ((value) => `to_json(${value}) #>> '{}'`);
  const expected =
    mode === 'REPEATED' ? `array(select ${expectedOf('e')} from unnest(value) as e)` : expectedOf('value');
  const { rows } = await client.query(`select ${expected} as expected from valued order by item_id`);
  return rows.map((row) => row.expected);
}

/** The value of the field in each message, in the order of the keys; null if the field is absent. */
async function sentValues(client: pg.ClientBase, view: SourceView): Promise<unknown[]> {
  const batch = { id: 1n, startedAt: new Date(0), isDirectLoad: false };
  const [format] = formatsOf(view, batch);
  assert.ok(format);
  const encoder = new TupleEncoder(upsertRows(view, WHOLE), format.openRows(1_000_000, 0));
  const sent = await copyRows(client, upsertsStatement(view, WHOLE), async (chunks) => {
    const rows: Record<string, unknown>[] = [];
    for await (const { bytes } of encoder.blocks(chunks)) {
      rows.push(...messagesOf(bytes).map((row) => decoded(streamMessage(view.shape), row)));
    }
    return rows;
  });
  return sent.sort((a, b) => Number(a.item_id) - Number(b.item_id)).map(({ value }) => value);
}

const decoded = ({ type }: StreamMessage, row: Uint8Array): Record<string, unknown> =>
  type.toObject(type.decode(row), { longs: String, arrays: true });

/** Brings the values of both sides to the same form. */
async function normalised(client: pg.ClientBase, { type }: Column, values: unknown[]): Promise<unknown[]> {
  const each = async (value: unknown): Promise<unknown> => {
    if (value === undefined || value === null) return null;
    if (Array.isArray(value)) return await Promise.all(value.map(each));
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
    if (type === 'FLOAT64') return Object.is(Number(value), -0) ? '-0' : String(Number(value));
    if (type !== 'JSON') return String(value);
    return (await client.query('select $1::jsonb::text as json', [value])).rows[0].json;
  };
  const result: unknown[] = [];
  for (const value of values) result.push(await each(value));
  return result;
}

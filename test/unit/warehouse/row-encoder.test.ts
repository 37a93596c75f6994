import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DataHubError } from '../../../shared/errors.ts';
import {
  BIG_QUERY_TYPES,
  type BigQueryType,
  type Column,
  type TableShape,
} from '../../../shared/model/columns.ts';
import { createRowEncoder } from '../../../shared/warehouse/row-encoder.ts';
import type { StagedRow } from '../../../shared/warehouse/row-parser.ts';
import { streamMessage } from '../../../shared/warehouse/stream-message.ts';
import { ANY_VALUE, type Value } from './any-value.ts';

const KEY: Column = { name: 'item_id', type: 'INT64', mode: 'REQUIRED' };
const BATCH = { etlTransactionId: 0x1f2n, updateAt: new Date('2026-01-02T03:04:05.678Z') };

const columnOf = (type: BigQueryType, mode: Column['mode'] = 'NULLABLE'): Column => ({
  name: 'value',
  type,
  mode,
});

const shapeOf = (...columns: Column[]): TableShape => ({
  view: 'item_view',
  target: 'item',
  loadType: 'bq-storage-api',
  keyColumn: 'item_id',
  columns: [KEY, ...columns],
});

/** The encoder for a view with these columns besides the key, and a decoder for its messages. */
function encoderOf(...columns: Column[]) {
  const shape = shapeOf(...columns);
  const { type, descriptor } = streamMessage(shape);
  return {
    ...createRowEncoder({ type, descriptor }, shape, BATCH),
    read: (bytes: Uint8Array): Record<string, unknown> =>
      type.toObject(type.decode(bytes), { longs: String, arrays: false }),
  };
}

/** Encodes a row with this value and returns the decoded value; undefined for an absent field. */
function sentOf(column: Column, staged: unknown): unknown {
  const { upsert, read } = encoderOf(column);
  return read(upsert({ item_id: 1, value: staged }, 0)).value;
}

const ONE_COLUMN_EACH = BIG_QUERY_TYPES.flatMap((type): Column[] => [
  { name: `one_${type}`, type, mode: 'NULLABLE' },
  { name: `many_${type}`, type, mode: 'REPEATED' },
]);

describe('an encoded row', () => {
  it('contains its columns, the batch, and the fields that make it a change', () => {
    const { upsert, read } = encoderOf(columnOf('STRING'));
    assert.deepEqual(
      read(upsert({ item_id: 7, value: 'x', action: 'added', etl_transaction_id: 498 }, 255)),
      {
        item_id: '7',
        value: 'x',
        update_at: '1767323045678000',
        etl_transaction_id: '498',
        _CHANGE_SEQUENCE_NUMBER: '1f2/ff',
        _CHANGE_TYPE: 'UPSERT',
      },
    );
  });

  it('contains the key alone for a delete', () => {
    const encoder = encoderOf(columnOf('STRING'));
    assert.deepEqual(
      encoder.read(encoder.delete({ item_id: 7, action: 'deleted', etl_transaction_id: 498 }, 256)),
      {
        item_id: '7',
        _CHANGE_SEQUENCE_NUMBER: '1f2/100',
        _CHANGE_TYPE: 'DELETE',
      },
    );
  });

  it('I7 has a sequence number that BigQuery accepts and that grows with batch id and ordinal, for numbers of any size', () => {
    const { type, descriptor } = streamMessage(shapeOf());
    const sections = (etlTransactionId: bigint, ordinal: number): bigint[] => {
      const encoder = createRowEncoder({ type, descriptor }, shapeOf(), { ...BATCH, etlTransactionId });
      const { _CHANGE_SEQUENCE_NUMBER: text } = type.toObject(
        type.decode(encoder.upsert({ item_id: 1 }, ordinal)),
      );
      assert.match(text, /^[0-9a-f]{1,16}\/[0-9a-f]{1,16}$/);
      return String(text)
        .split('/')
        .map((section) => BigInt(`0x${section}`));
    };
    const anyNumber = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(anyNumber, fc.maxSafeNat(), (etlTransactionId, ordinal) => {
        assert.deepEqual(sections(etlTransactionId, ordinal), [etlTransactionId, BigInt(ordinal)]);
      }),
    );
  });

  it('I5 has the same bytes when it is encoded again', () => {
    const row = { item_id: 1, value: '2024-02-29T12:00:00+00:00' };
    const first = encoderOf(columnOf('TIMESTAMP')).upsert(row, 3);
    assert.deepEqual(encoderOf(columnOf('TIMESTAMP')).upsert(row, 3), first);
  });

  it('I9 is independent of the rows before it, and of a row that failed', () => {
    const anyRow = fc.record(
      Object.fromEntries(
        ONE_COLUMN_EACH.map(({ name, type, mode }) => [
          name,
          mode === 'REPEATED'
            ? fc.array(ANY_VALUE[type], { maxLength: 3 }).map(manyOf)
            : fc.option(ANY_VALUE[type], { nil: { staged: null, sent: undefined } }),
        ]),
      ),
    );
    const { upsert, delete: deleted, read } = encoderOf(...ONE_COLUMN_EACH);
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 1, maxLength: 4 }), (rows) => {
        for (const [ordinal, row] of rows.entries()) {
          const staged = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value.staged]));
          assert.throws(() => upsert({ item_id: null, ...staged }, ordinal), DataHubError);
          deleted({ item_id: ordinal + 1 }, ordinal);
          const { item_id, update_at, etl_transaction_id, _CHANGE_TYPE, _CHANGE_SEQUENCE_NUMBER, ...sent } =
            read(upsert({ item_id: ordinal, ...staged }, ordinal));
          const expected = Object.entries(row).filter(([, value]) => value.sent !== undefined);
          assert.equal(item_id, String(ordinal));
          assert.deepEqual(sent, Object.fromEntries(expected.map(([name, value]) => [name, value.sent])));
        }
      }),
      { numRuns: 50 },
    );
  });

  for (const type of BIG_QUERY_TYPES) {
    it(`I9 holds every ${type} exactly, as a value or in a list, and omits NULL`, () => {
      const one = columnOf(type);
      const many = columnOf(type, 'REPEATED');
      fc.assert(
        fc.property(fc.array(ANY_VALUE[type], { minLength: 1, maxLength: 4 }), (values) => {
          for (const { staged, sent } of values) assert.deepEqual(sentOf(one, staged), sent);
          assert.deepEqual(sentOf(many, manyOf(values).staged), manyOf(values).sent);
        }),
        { numRuns: 30 },
      );
      assert.equal(sentOf(one, null), undefined);
      assert.equal(sentOf(many, null), undefined);
      assert.equal(sentOf(many, []), undefined);
    });
  }

  for (const [type, staged, sent] of [
    ['INT64', '9223372036854775807', '9223372036854775807'],
    ['INT64', '-9223372036854775808', '-9223372036854775808'],
    ['INT64', 9007199254740992, '9007199254740992'],
    ['INT64', -9007199254740992, '-9007199254740992'],
    ['INT64', '9007199254740993', '9007199254740993'],
    ['INT64', 0, '0'],
    ['FLOAT64', 'NaN', Number.NaN],
    ['FLOAT64', '-Infinity', Number.NEGATIVE_INFINITY],
    ['FLOAT64', -0, -0],
    ['FLOAT64', 5e-324, 5e-324],
    ['STRING', '', ''],
    ['STRING', 'กุญแจ 🔧 \0', 'กุญแจ 🔧 \0'],
    ['BYTES', '', Buffer.alloc(0)],
    ['BOOL', false, false],
    ['DATE', '0001-01-01', -719162],
    ['DATE', '9999-12-31', 2932896],
    ['TIMESTAMP', '9999-12-31T23:59:59.999999+00:00', '253402300799999999'],
    ['TIMESTAMP', '0001-01-01T00:00:00+00:00', '-62135596800000000'],
    ['TIMESTAMP', '1970-01-01T00:00:00+00:00', '0'],
  ] as const) {
    it(`I9 holds ${type} ${JSON.stringify(staged)}`, () =>
      assert.deepEqual(sentOf(columnOf(type), staged), sent));
  }

  for (const [type, text, sent] of [
    ['INT64', '0', '0'],
    ['FLOAT64', '1e-7', 1e-7],
    ['BOOL', 'false', false],
    ['DATE', '1970-01-01', 0],
    ['TIMESTAMP', '1970-01-01', '0'],
    ['NUMERIC', '0.5', '0.5'],
  ] as const) {
    it(`accepts the configured default of a ${type}, which is staged as text`, () => {
      assert.equal(sentOf(columnOf(type), text), sent);
    });
  }

  for (const [type, staged, reason] of [
    ['INT64', '9223372036854775808', 'is not a 64-bit integer'],
    ['INT64', '-9223372036854775809', 'is not a 64-bit integer'],
    ['INT64', 2 ** 53 + 2, 'is not a 64-bit integer'],
    ['INT64', 1.5, 'is not a 64-bit integer'],
    ['INT64', '1.0', 'is not a 64-bit integer'],
    ['INT64', '', 'is not a 64-bit integer'],
    ['INT64', '0x10', 'is not a 64-bit integer'],
    ['INT64', true, 'is not a 64-bit integer'],
    ['INT64', [1], 'is not a 64-bit integer'],
    ['FLOAT64', Number.POSITIVE_INFINITY, 'is not a number that FLOAT64 can hold'],
    ['FLOAT64', '1e400', 'is not a number that FLOAT64 can hold'],
    ['FLOAT64', 'nan', 'is not a number that FLOAT64 can hold'],
    ['FLOAT64', '', 'is not a number that FLOAT64 can hold'],
    ['NUMERIC', '0.0000000001', 'is not a number that NUMERIC can hold'],
    ['NUMERIC', 1, 'is not a number that NUMERIC can hold'],
    ['BIGNUMERIC', 'NaN', 'is not a number that BIGNUMERIC can hold'],
    ['BOOL', 1, 'is neither true nor false'],
    ['BOOL', 'no', 'is neither true nor false'],
    ['STRING', 1, 'is not text'],
    ['STRING', { a: 1 }, 'is not text'],
    ['STRING', 'secret \ud83d', 'contains a lone surrogate, which UTF-8 cannot encode'],
    ['STRING', '\udd27 secret', 'contains a lone surrogate, which UTF-8 cannot encode'],
    ['BYTES', 'AP8', 'is not base64'],
    ['BYTES', 'AP8Q!', 'is not base64'],
    ['BYTES', 'AP_-', 'is not base64'],
    ['BYTES', [1], 'is not text'],
    ['DATE', '2023-02-29', 'is not a date in the years 1 to 9999'],
    ['DATE', 19000, 'is not text'],
    ['DATETIME', '10000-01-01T00:00:00', 'is not a date and time in the years 1 to 9999'],
    ['TIMESTAMP', 'infinity', 'is not a timestamp in the years 1 to 9999'],
    ['TIMESTAMP', 0, 'is not text'],
    ['TIME', '24:00:00', 'is not a time of day'],
    ['JSON', '{"a":"\\\\\\ud83d"}', 'contains a lone surrogate, which UTF-8 cannot encode'],
    ['JSON', { a: 1 }, 'is not text'],
  ] as const) {
    it(`I9 is refused when the ${type} value ${reason}: ${JSON.stringify(staged)}`, () => {
      for (const [mode, value] of [
        ['NULLABLE', staged],
        ['REPEATED', [staged]],
      ] as const) {
        assert.throws(
          () => sentOf(columnOf(type, mode), value),
          isBadData(`view item_view: key 1, column value: the value ${reason}`, 'value'),
        );
      }
    });
  }

  it('may contain JSON whose text only looks like a lone surrogate', () => {
    const text = '{"a":"\\\\ud83d"}';
    assert.equal(sentOf(columnOf('JSON'), text), text);
  });

  it('I9 is refused with a NULL in a list, or with another value instead of a list', () => {
    const column = columnOf('STRING', 'REPEATED');
    assert.throws(() => sentOf(column, ['a', null]), /key 1, column value: the value contains a NULL$/);
    for (const staged of ['a', { length: 1 }]) {
      assert.throws(() => sentOf(column, staged), /key 1, column value: the value is not a list$/);
    }
  });

  for (const [what, key, reason] of [
    ['NULL', { item_id: null }, 'is NULL'],
    ['missing', {}, 'is missing'],
    ['of another type', { item_id: 'seven' }, 'is not a 64-bit integer'],
  ] as const) {
    it(`I9 is refused when its key is ${what}, for upserts and deletes`, () => {
      const encoder = encoderOf();
      for (const encode of [encoder.upsert, encoder.delete]) {
        const named = (key as StagedRow).item_id;
        assert.throws(
          () => encode(key, 0),
          isBadData(`view item_view: key ${named}, column item_id: the value ${reason}`, 'item_id'),
        );
      }
    });
  }

  it('I9 is refused when a column of the view is missing, which is different from NULL', () => {
    assert.throws(
      () => encoderOf(columnOf('STRING')).upsert({ item_id: 1 }, 0),
      /column value: the value is missing$/,
    );
    const inherited = { name: 'constructor', type: 'STRING', mode: 'NULLABLE' } as const;
    assert.throws(
      () => encoderOf(inherited).upsert({ item_id: 1 }, 0),
      /column constructor: the value is missing$/,
    );
  });

  it('I9 is refused when it has a property that is not a column of the view, for upserts and deletes', () => {
    const encoder = encoderOf();
    for (const encode of [encoder.upsert, encoder.delete]) {
      assert.throws(
        () => encode({ item_id: 1, other: 'secret' }, 0),
        isBadData('view item_view: key 1: the staged row has "other", which is not a column of the view'),
      );
    }
  });
});

/** Combines values into the value of a REPEATED column, which decodes to undefined when it is empty. */
const manyOf = (values: Value[]): Value => ({
  staged: values.map(({ staged }) => staged),
  sent: values.length === 0 ? undefined : values.map(({ sent }) => sent),
});

const isBadData = (message: string, column?: string) => (error: unknown) => {
  assert.ok(error instanceof DataHubError);
  assert.equal(error.kind, 'bad_data');
  assert.equal(error.message, message);
  assert.deepEqual(error.context, { view: 'item_view', ...(column === undefined ? {} : { column }) });
  return true;
};

import assert from 'node:assert/strict';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import type { Column, TableShape } from '../../../shared/model/columns.ts';
import { messageDifferences, streamMessage } from '../../../shared/warehouse/stream-message.ts';
import { targetColumns } from '../../../shared/warehouse/tables-sql.ts';
import { streamProto } from '../../generate/stream-proto.ts';

const KEY: Column = { name: 'item_id', type: 'INT64', mode: 'REQUIRED' };
const text = (name: string): Column => ({ name, type: 'STRING', mode: 'NULLABLE' });

const shapeOf = (...columns: Column[]): TableShape => ({
  view: 'item_view',
  target: 'pm_item',
  loadType: 'bq-storage-api',
  keyColumn: 'item_id',
  columns: [KEY, ...columns],
});

/** Returns the field numbers of a .proto by name. */
function numbersIn(proto: string): Record<string, number> {
  const type = protobuf.parse(proto, { keepCase: true }).root.lookupType('PmItem');
  return Object.fromEntries(type.fieldsArray.map(({ name, id }) => [name, id]));
}

/** Returns the .proto after the view has had these shapes, one after the other. */
const protoAfter = (...shapes: TableShape[]): string =>
  shapes.reduce<string | null>((existing, shape) => streamProto(shape, existing).proto, null) ?? '';

describe('the .proto of a streamed view', () => {
  it('has the columns in the order of the view, with numbers in that order at first', () => {
    assert.deepEqual(Object.entries(numbersIn(protoAfter(shapeOf(text('name'), text('owner'))))), [
      ['item_id', 1],
      ['name', 2],
      ['owner', 3],
      ['update_at', 4],
      ['etl_transaction_id', 5],
      ['_CHANGE_SEQUENCE_NUMBER', 991],
      ['_CHANGE_TYPE', 992],
    ]);
  });

  it('does not change while the view does not change', () => {
    const shape = shapeOf(text('name'));
    assert.equal(protoAfter(shape, shape), protoAfter(shape));
  });

  it('gives a new column the next number, wherever it is in the view', () => {
    const numbers = numbersIn(protoAfter(shapeOf(text('name')), shapeOf(text('first'), text('name'))));
    assert.deepEqual([numbers.first, numbers.name, numbers.update_at], [5, 2, 3]);
  });

  it('permanently reserves the number and the name of a removed column', () => {
    const proto = protoAfter(
      shapeOf(text('name'), text('owner')),
      shapeOf(text('owner')),
      shapeOf(text('owner')),
    );
    assert.match(proto, /^ {2}reserved 2;\n {2}reserved "name";$/m);
    assert.equal(numbersIn(protoAfter(shapeOf(text('name')), shapeOf(), shapeOf(text('later')))).later, 5);
  });

  it('gives a column that returns its old name, but a new number', () => {
    const proto = protoAfter(shapeOf(text('name')), shapeOf(), shapeOf(text('name')));
    assert.equal(numbersIn(proto).name, 5);
    assert.match(proto, /^ {2}reserved 2;$/m);
    assert.doesNotMatch(proto, /reserved "/);
  });

  it('gives a column a new number when its type changes', () => {
    for (const changed of [
      { ...text('name'), type: 'DATE' },
      { ...text('name'), mode: 'REPEATED' },
    ] as const) {
      const proto = protoAfter(shapeOf(text('name')), shapeOf(changed));
      assert.equal(numbersIn(proto).name, 5);
      assert.match(proto, /^ {2}reserved 2;$/m);
    }
  });

  it('keeps the number when the encoding of the field does not change', () => {
    const numeric = { ...text('name'), type: 'NUMERIC' } as const;
    const required = { ...text('name'), mode: 'REQUIRED' } as const;
    for (const changed of [numeric, required]) {
      assert.equal(numbersIn(protoAfter(shapeOf(text('name')), shapeOf(changed))).name, 2);
    }
  });

  for (const name of ['', '1st', 'opened at', 'กุญแจ', 'a-b', '_CHANGE_TYPE']) {
    it(`is refused for a column that cannot be a field: '${name}'`, () => {
      assert.throws(() => streamProto(shapeOf(text(name)), null), {
        name: 'RangeError',
        message: `view item_view: ${JSON.stringify(name)} cannot be the name of a field in a protobuf message; rename the column in the view`,
      });
    });
  }

  for (const name of [
    'message',
    'optional',
    'reserved',
    'string',
    'group',
    'constructor',
    'Camel_Case',
    '_x',
  ]) {
    it(`accepts a column whose name only looks invalid: '${name}'`, () => {
      const shape = shapeOf(text(name));
      const message = streamMessage(streamProto(shape, null).compiled);
      assert.deepEqual(messageDifferences(targetColumns(shape), message), []);
    });
  }

  it('is refused when its columns reach the numbers of the change fields', () => {
    const many = (count: number) => shapeOf(...Array.from({ length: count }, (_, i) => text(`c${i}`)));
    assert.equal(numbersIn(protoAfter(many(987))).etl_transaction_id, 990);
    assert.throws(() => protoAfter(many(988)), /numbers from 991 on/);
  });

  it('never uses a number for two fields, and always fits the view, however the view changes', () => {
    const anyColumn = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      type: fc.constantFrom('STRING', 'INT64', 'DATE', 'NUMERIC'),
      mode: fc.constantFrom('NULLABLE', 'REPEATED'),
    });
    const anyColumns = fc.uniqueArray(anyColumn, { selector: ({ name }) => name });
    fc.assert(
      fc.property(fc.array(anyColumns, { minLength: 1, maxLength: 6 }), (history) => {
        const meaning = new Map<number, string>();
        let existing: string | null = null;
        for (const columns of history) {
          const shape = shapeOf(...columns);
          const { proto, compiled } = streamProto(shape, existing);
          const message = streamMessage(compiled);
          assert.deepEqual(messageDifferences(targetColumns(shape), message), []);
          for (const { name, id, type, repeated } of message.type.fieldsArray) {
            const means = `${name} ${type} ${repeated}`;
            assert.equal(meaning.get(id) ?? means, means);
            meaning.set(id, means);
          }
          existing = proto;
        }
      }),
    );
  });
});

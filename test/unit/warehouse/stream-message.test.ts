import assert from 'node:assert/strict';
import { managedwriter, protos } from '@google-cloud/bigquery-storage';
import fc from 'fast-check';
import { BIG_QUERY_TYPES, type Column, type TableShape } from '../../../shared/model/columns.ts';
import { streamMessage } from '../../../shared/warehouse/stream-message.ts';
import { targetColumns } from '../../../shared/warehouse/tables-sql.ts';

const KEY: Column = { name: 'item_id', type: 'INT64', mode: 'REQUIRED' };
const shapeOf = (...columns: Column[]): TableShape => ({
  view: 'item_view',
  target: 'pm_item',
  loadType: 'bq-storage-api',
  keyColumn: 'item_id',
  columns: [KEY, ...columns],
});
const SHAPE = shapeOf(
  { name: 'ratio', type: 'FLOAT64', mode: 'NULLABLE' },
  { name: 'is_open', type: 'BOOL', mode: 'NULLABLE' },
  { name: 'photo', type: 'BYTES', mode: 'NULLABLE' },
  { name: 'day', type: 'DATE', mode: 'NULLABLE' },
  { name: 'labels', type: 'STRING', mode: 'REPEATED' },
  { name: 'numbers', type: 'INT64', mode: 'REPEATED' },
);

/** A descriptor as BigQuery receives it. */
function received({ descriptor }: ReturnType<typeof streamMessage>) {
  const { DescriptorProto } = protos.google.protobuf;
  const { AppendRowsRequest } = protos.google.cloud.bigquery.storage.v1;
  const sent = AppendRowsRequest.fromObject({
    protoRows: { writerSchema: { protoDescriptor: new DescriptorProto(descriptor).toJSON() } },
  });
  const arrived = AppendRowsRequest.decode(AppendRowsRequest.encode(sent).finish()).protoRows?.writerSchema;
  return DescriptorProto.toObject(arrived?.protoDescriptor as InstanceType<typeof DescriptorProto>, {
    enums: String,
  });
}

describe('the message of a streamed batch', () => {
  it('has a valid descriptor for the Write API, which survives the client', () => {
    const { name, field } = received(streamMessage(SHAPE));

    const described = (each: string, number: number, label: string, type: string) => ({
      name: each,
      number,
      label: `LABEL_${label}`,
      type: `TYPE_${type}`,
    });
    assert.equal(name, 'PmItem');
    assert.deepEqual(field, [
      described('item_id', 1, 'REQUIRED', 'INT64'),
      described('ratio', 2, 'OPTIONAL', 'DOUBLE'),
      described('is_open', 3, 'OPTIONAL', 'BOOL'),
      described('photo', 4, 'OPTIONAL', 'BYTES'),
      described('day', 5, 'OPTIONAL', 'INT32'),
      described('labels', 6, 'REPEATED', 'STRING'),
      described('numbers', 7, 'REPEATED', 'INT64'),
      described('update_at', 8, 'OPTIONAL', 'INT64'),
      described('etl_transaction_id', 9, 'OPTIONAL', 'INT64'),
      described('_CHANGE_SEQUENCE_NUMBER', 991, 'REQUIRED', 'STRING'),
      described('_CHANGE_TYPE', 992, 'REQUIRED', 'STRING'),
    ]);
  });

  it("is accepted by Google's writer", () => {
    const connection = {} as ConstructorParameters<typeof managedwriter.Writer>[0]['connection'];
    const { descriptor } = streamMessage(SHAPE);
    assert.doesNotThrow(() => new managedwriter.Writer({ connection, protoDescriptor: descriptor }));
  });

  it('I5 is the same each time it is built from the same columns', () => {
    assert.deepEqual(streamMessage(SHAPE).descriptor, streamMessage(structuredClone(SHAPE)).descriptor);
  });

  it('has a field for each of the columns that BigQuery allows in a table, and no number twice', () => {
    const many = Array.from({ length: 1997 }, (_, i): Column => {
      return { name: `c${i}`, type: 'STRING', mode: 'NULLABLE' };
    });

    const { type } = streamMessage(shapeOf(...many));

    assert.equal(type.fieldsArray.length, 2002);
    assert.deepEqual(
      [type.fields.c988?.id, type.fields.c989?.id, type.fields.etl_transaction_id?.id],
      [990, 993, 2002],
    );
  });

  it('describes the fields as it encodes them, whatever the columns are', () => {
    const anyColumn = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'optional', 'message'),
      type: fc.constantFrom(...BIG_QUERY_TYPES),
      mode: fc.constantFrom('NULLABLE', 'REPEATED'),
    });
    fc.assert(
      fc.property(fc.uniqueArray(anyColumn, { selector: ({ name }) => name }), (columns) => {
        const shape = shapeOf(...columns);
        const { type, descriptor } = streamMessage(shape);
        const encoded = type.fieldsArray.map(({ name, id, type: each, repeated, required }) => ({
          name,
          number: id,
          label: `LABEL_${repeated ? 'REPEATED' : required ? 'REQUIRED' : 'OPTIONAL'}`,
          type: `TYPE_${each.toUpperCase()}`,
        }));
        assert.deepEqual(descriptor.field, encoded);
        assert.deepEqual(
          encoded.map(({ name }) => name),
          [...targetColumns(shape).map(({ name }) => name), '_CHANGE_SEQUENCE_NUMBER', '_CHANGE_TYPE'],
        );
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { managedwriter, protos } from '@google-cloud/bigquery-storage';
import type { Column } from '../../../shared/model/columns.ts';
import {
  loadStreamMessage,
  messageDifferences,
  streamMessage,
} from '../../../shared/warehouse/stream-message.ts';
import { targetColumns } from '../../../shared/warehouse/tables-sql.ts';
import { streamProto } from '../../generate/stream-proto.ts';

const COLUMNS: Column[] = [
  { name: 'item_id', type: 'INT64', mode: 'REQUIRED' },
  { name: 'ratio', type: 'FLOAT64', mode: 'NULLABLE' },
  { name: 'is_open', type: 'BOOL', mode: 'NULLABLE' },
  { name: 'photo', type: 'BYTES', mode: 'NULLABLE' },
  { name: 'day', type: 'DATE', mode: 'NULLABLE' },
  { name: 'labels', type: 'STRING', mode: 'REPEATED' },
  { name: 'numbers', type: 'INT64', mode: 'REPEATED' },
];
const SHAPE = {
  view: 'item_view',
  target: 'item',
  loadType: 'bq-storage-api',
  keyColumn: 'item_id',
  columns: COLUMNS,
} as const;
const MESSAGE = streamMessage(streamProto(SHAPE, null).compiled);
const TARGET = targetColumns(SHAPE);

describe('the message of a target', () => {
  it('is found by the name of the target', async () => {
    const message = await loadStreamMessage('incident');
    assert.equal(message?.type.name, 'Incident');
    assert.equal(message?.type.fields.incident_id?.required, true);
    assert.equal(message?.descriptor.name, 'Incident');
  });

  it('is null for a target that is not streamed', async () => {
    assert.equal(await loadStreamMessage('project'), null);
  });

  it('must be the only one in its file', () => {
    assert.throws(() => streamMessage({ nested: {} }), TypeError);
    assert.throws(() => streamMessage({ nested: { A: { fields: {} }, B: { fields: {} } } }), TypeError);
  });

  it('has a valid descriptor for the Write API, which survives the client', () => {
    const { DescriptorProto } = protos.google.protobuf;
    const { AppendRowsRequest } = protos.google.cloud.bigquery.storage.v1;
    const sent = AppendRowsRequest.fromObject({
      protoRows: { writerSchema: { protoDescriptor: new DescriptorProto(MESSAGE.descriptor).toJSON() } },
    });
    const arrived = AppendRowsRequest.decode(AppendRowsRequest.encode(sent).finish()).protoRows?.writerSchema;

    const { name, field } = DescriptorProto.toObject(
      arrived?.protoDescriptor as InstanceType<typeof DescriptorProto>,
      {
        enums: String,
      },
    );
    const described = (each: string, number: number, label: string, type: string) => ({
      name: each,
      number,
      label: `LABEL_${label}`,
      type: `TYPE_${type}`,
    });
    assert.equal(name, 'Item');
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
    assert.doesNotThrow(() => new managedwriter.Writer({ connection, protoDescriptor: MESSAGE.descriptor }));
  });

  it('fits the columns that it was generated from, in any order', () => {
    assert.deepEqual(messageDifferences(TARGET, MESSAGE), []);
    assert.deepEqual(messageDifferences(TARGET.toReversed(), MESSAGE), []);
  });

  it('differs from other columns in ways that are all named', () => {
    const columns: Column[] = TARGET.filter(({ name }) => name !== 'photo').map((column) =>
      column.name === 'day'
        ? { ...column, type: 'STRING' }
        : column.name === 'labels'
          ? { ...column, mode: 'NULLABLE' }
          : column,
    );
    assert.deepEqual(
      messageDifferences([...columns, { name: 'constructor', type: 'TIME', mode: 'NULLABLE' }], MESSAGE),
      [
        'field day is optional int32 instead of optional string',
        'field labels is repeated string instead of optional string',
        'field constructor (optional string) is missing',
        'field photo is not a column of the target',
      ],
    );
  });

  it('must have the fields that make rows changes', () => {
    const withoutChange = streamMessage({
      nested: { Item: { fields: { item_id: { type: 'int64', id: 1, rule: 'required' } } } },
    });
    assert.deepEqual(messageDifferences(COLUMNS.slice(0, 1), withoutChange), [
      'field _CHANGE_SEQUENCE_NUMBER (required string) is missing',
      'field _CHANGE_TYPE (required string) is missing',
    ]);
  });
});

import assert from 'node:assert/strict';
import protobuf from 'protobufjs';
import type { Column, TableShape } from '../../../shared/model/columns.ts';
import { streamMessage } from '../../../shared/warehouse/stream-message.ts';
import { streamProto } from '../../../shared/warehouse/stream-proto.ts';

const KEY: Column = { name: 'item_id', type: 'INT64', mode: 'REQUIRED' };

const shapeOf = (...columns: Column[]): TableShape => ({
  view: 'item_view',
  target: 'pm_item',
  loadType: 'bq-storage-api',
  keyColumn: 'item_id',
  columns: [KEY, ...columns],
});

describe('the .proto of a streamed view', () => {
  for (const name of ['message', 'optional', 'reserved', 'string', 'group', 'Camel_Case', '_x']) {
    for (const mode of ['NULLABLE', 'REPEATED'] as const) {
      it(`declares the message that the functions build, with a ${mode} column ${name}`, () => {
        const shape = shapeOf({ name, type: 'STRING', mode });

        const [declared, ...others] = protobuf.parse(streamProto(shape), { keepCase: true }).root.resolveAll()
          .nestedArray as protobuf.Type[];

        const { type } = streamMessage(shape);
        assert.equal(declared?.name, 'PmItem');
        assert.deepEqual(declared?.toJSON().fields, type.toJSON().fields);
        assert.deepEqual(others, []);
      });
    }
  }
});

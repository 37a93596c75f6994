import { once } from 'node:events';
import { adapt, type protos, v1, managedwriter } from '@google-cloud/bigquery-storage';
import { credentials } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import 'protobufjs/ext/descriptor/index.js';
import { PROJECT } from './bigquery-project.ts';

type AppendRowsRequest = protos.google.cloud.bigquery.storage.v1.IAppendRowsRequest;
type AppendRowsResponse = protos.google.cloud.bigquery.storage.v1.IAppendRowsResponse;
type Descriptor = protos.google.protobuf.IDescriptorProto;
type FieldDescriptor = protos.google.protobuf.IFieldDescriptorProto;
type Row = Record<string, unknown>;

/** A field of a row's message: `{ name: 'id', type: 'TYPE_INT64' }`; numbers follow the order. */
export interface FieldOf {
  readonly name: string;
  readonly type: string;
  readonly label?: 'LABEL_OPTIONAL' | 'LABEL_REQUIRED' | 'LABEL_REPEATED';
  readonly options?: object;
}

export function descriptorOf(...fields: FieldOf[]): Descriptor {
  const field = fields.map((each, index) => ({ label: 'LABEL_OPTIONAL', ...each, number: index + 1 }));
  return { name: 'TestRow', field: field as unknown as FieldDescriptor[] };
}

/** The descriptor of a table's rows as Google's client makes it, with the two fields of a change if wanted. */
export function tableDescriptor(schema: object, { changes = false, sequence = changes } = {}): Descriptor {
  const extras = [
    ...(changes ? [adapt.withChangeType()] : []),
    ...(sequence ? [adapt.withChangeSequenceNumber()] : []),
  ];
  return adapt.convertStorageSchemaToProto2Descriptor(schema, 'TestRow', ...extras);
}

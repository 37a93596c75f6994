import { createRequire } from 'node:module';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** google.protobuf.FieldDescriptorProto, as far as rows need it. */
export interface FieldDescriptor {
  readonly name: string;
  readonly number: number;
  readonly label: 'LABEL_OPTIONAL' | 'LABEL_REQUIRED' | 'LABEL_REPEATED';
  readonly type: string;
  /** The column, where its name is none that protobuf allows. */
  readonly options: { readonly '.google.cloud.bigquery.storage.v1.columnName'?: string } | null;
}

/** google.protobuf.DescriptorProto of a row. */
export interface RowDescriptor {
  readonly name: string;
  readonly field: readonly FieldDescriptor[];
}

export type MissingValueInterpretation =
  | 'MISSING_VALUE_INTERPRETATION_UNSPECIFIED'
  | 'NULL_VALUE'
  | 'DEFAULT_VALUE';

/** google.cloud.bigquery.storage.v1.AppendRowsRequest. Messages that are not set are null. */
export interface AppendRowsRequest {
  readonly writeStream: string;
  readonly offset: { readonly value: string } | null;
  readonly protoRows?: {
    readonly writerSchema: { readonly protoDescriptor: RowDescriptor | null } | null;
    readonly rows: { readonly serializedRows: readonly Buffer[] } | null;
  } | null;
  readonly arrowRows?: object | null;
  readonly missingValueInterpretations: Readonly<Record<string, MissingValueInterpretation>>;
  readonly defaultMissingValueInterpretation: MissingValueInterpretation;
}

/** A request with its size on the wire. */
export interface SizedRequest {
  readonly request: AppendRowsRequest;
  readonly bytes: number;
}

/** google.cloud.bigquery.storage.v1.TableFieldSchema. */
export interface StorageField {
  readonly name: string;
  readonly type: string;
  readonly mode: string;
  readonly fields?: readonly StorageField[];
  readonly description?: string;
  readonly defaultValueExpression?: string;
}

export interface StorageSchema {
  readonly fields: readonly StorageField[];
}

export interface RowError {
  /** The row's place in its request, from 0. */
  readonly index: number;
  readonly code: 'FIELDS_ERROR';
  readonly message: string;
}

export interface AppendRowsResponse {
  readonly appendResult?: Record<string, never>;
  readonly error?: { readonly code: number; readonly message: string };
  readonly rowErrors?: readonly RowError[];
  readonly updatedSchema?: StorageSchema;
  readonly writeStream: string;
}

/**
 * google.cloud.bigquery.storage.v1.BigQueryWrite, from the definitions that Google's client is built from. AppendRows
 * receives SizedRequest. The definitions are large: they are read when this is called.
 */
export function writeServiceDefinition(): ServiceDefinition {
  const definitions = fromJSON(
    createRequire(import.meta.url)('@google-cloud/bigquery-storage/build/protos/protos.json'),
    // With defaults every field of a request is there: messages that are not set as null, bytes as a Buffer.
    { longs: String, enums: String, defaults: true },
  );
  const service = definitions['google.cloud.bigquery.storage.v1.BigQueryWrite'] as ServiceDefinition;
  const { AppendRows } = service as { AppendRows: MethodDefinition<object, object> };
  return {
    ...service,
    AppendRows: {
      ...AppendRows,
      requestDeserialize: (bytes: Buffer) => ({
        request: AppendRows.requestDeserialize(bytes),
        bytes: bytes.length,
      }),
    },
  };
}

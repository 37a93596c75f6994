import { createRequire } from 'node:module';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** The parts of google.protobuf.FieldDescriptorProto that describe rows. */
export interface FieldDescriptor {
  readonly name: string;
  readonly number: number;
  readonly label: 'LABEL_OPTIONAL' | 'LABEL_REQUIRED' | 'LABEL_REPEATED';
  readonly type: string;
  /** The name of the column, if protobuf does not allow it: https://cloud.google.com/bigquery/docs/schemas#flexible-column-names */
  readonly options: { readonly '.google.cloud.bigquery.storage.v1.columnName'?: string } | null;
}

/** The google.protobuf.DescriptorProto of a row. */
export interface RowDescriptor {
  readonly name: string;
  readonly field: readonly FieldDescriptor[];
}

export type MissingValueInterpretation =
  | 'MISSING_VALUE_INTERPRETATION_UNSPECIFIED'
  | 'NULL_VALUE'
  | 'DEFAULT_VALUE';

/** google.cloud.bigquery.storage.v1.AppendRowsRequest. A message that is not set is null. */
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

export interface RowError {
  /** The place of the row in its request, from 0. */
  readonly index: number;
  readonly code: 'FIELDS_ERROR';
  readonly message: string;
}

/** google.cloud.bigquery.storage.v1.TableSchema */
export interface TableSchema {
  readonly fields: readonly { readonly name: string; readonly type: string; readonly mode: string }[];
}

export interface AppendRowsResponse {
  readonly appendResult?: Record<string, never>;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    /** Each a google.protobuf.Any. */
    readonly details?: readonly { readonly type_url: string; readonly value: Buffer }[];
  };
  /** A google.cloud.bigquery.storage.v1.TableSchema. */
  readonly updatedSchema?: TableSchema;
  readonly rowErrors?: readonly RowError[];
  readonly writeStream: string;
}

/**
 * google.cloud.bigquery.storage.v1.BigQueryWrite, from the definitions that Google's client is built from. AppendRows receives
 * SizedRequest. The definitions are large, so only a call of this function reads them.
 */
export function writeServiceDefinition(): ServiceDefinition {
  const definitions = fromJSON(
    createRequire(import.meta.url)('@google-cloud/bigquery-storage/build/protos/protos.json'),
    // With defaults, a request has every field: a message that is not set is null, bytes are a Buffer.
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

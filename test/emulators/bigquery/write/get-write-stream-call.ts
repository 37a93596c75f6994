import type { handleUnaryCall } from '@grpc/grpc-js';
import { storageSchemaOf } from './table-schema.ts';
import { serviceError } from './write-error.ts';
import type { StorageSchema } from './write-protocol.ts';
import type { WriteServices } from './write-services.ts';
import { tableOfStream } from './write-stream.ts';

interface GetWriteStreamRequest {
  readonly name: string;
  readonly view: 'WRITE_STREAM_VIEW_UNSPECIFIED' | 'BASIC' | 'FULL';
}

interface WriteStream {
  readonly name: string;
  readonly type: 'COMMITTED';
  readonly writeMode: 'INSERT';
  readonly location: string;
  /** In the full view only. */
  readonly tableSchema?: StorageSchema;
}

/** Describes a table's default stream. Its fault is `GetWriteStream`. */
export function getWriteStreamCall({
  warehouse: { catalog },
  faults,
}: WriteServices): handleUnaryCall<GetWriteStreamRequest, WriteStream> {
  return ({ request: { name, view } }, callback) => {
    faults
      .around('GetWriteStream', (): WriteStream => {
        const { reference, fields } = catalog.table(tableOfStream(name));
        const { location } = catalog.dataset(reference);
        const tableSchema = view === 'FULL' && { tableSchema: storageSchemaOf(fields) };
        return { name, type: 'COMMITTED', writeMode: 'INSERT', location, ...tableSchema };
      })
      .then(
        (stream) => callback(null, stream),
        (error) => callback(serviceError(error)),
      );
  };
}

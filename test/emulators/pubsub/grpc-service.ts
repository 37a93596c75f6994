import { createRequire } from 'node:module';
import {
  type handleUnaryCall,
  type ServiceDefinition,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { FaultError, type Faults } from '../faults.ts';
import { PubSubError } from './pub-sub-error.ts';

/** The definitions that Google's client is built from. */
const DEFINITIONS = fromJSON(
  createRequire(import.meta.url)('@google-cloud/pubsub/build/protos/protos.json'),
  // With defaults, a request has every field: a message that is not set is null, bytes are a Buffer.
  { longs: String, enums: String, defaults: true },
);

export function serviceDefinition(name: 'Publisher' | 'Subscriber'): ServiceDefinition {
  return DEFINITIONS[`google.pubsub.v1.${name}`] as ServiceDefinition;
}

/** A unary method under its scripted faults, by the name `pubsub.<method>`. */
export function unary<Request, Response>(
  faults: Faults,
  method: string,
  handle: (request: Request) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    faults
      .around(`pubsub.${method}`, () => handle(call.request))
      .then(
        (response) => callback(null, response),
        (error) => callback(serviceError(error)),
      );
  };
}

/**
 * The status that ends a failed call. gRPC cannot break the connection of a single call, so a scripted drop ends with the status
 * that a client reports for a broken connection: UNAVAILABLE.
 */
function serviceError(error: unknown): Partial<StatusObject> & Error {
  const details = error instanceof Error ? error.message : String(error);
  return Object.assign(new Error(details), {
    code: statusCode(error),
    details,
  } satisfies Partial<ServiceError>);
}

function statusCode(error: unknown): status {
  if (error instanceof PubSubError) return status[error.status];
  if (!(error instanceof FaultError)) return status.INTERNAL;
  if (error.answer.kind === 'drop') return status.UNAVAILABLE;
  const name = String(error.answer.status);
  const code = Object.entries(status).find(([key]) => key === name)?.[1];
  if (typeof code !== 'number') throw new TypeError(`a gRPC call cannot answer the status ${name}`);
  return code;
}

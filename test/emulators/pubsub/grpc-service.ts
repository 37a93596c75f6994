import { createRequire } from 'node:module';
import {
  type handleUnaryCall,
  type ServiceDefinition,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import type { Faults } from '../faults.ts';
import { statusOf } from './status.ts';

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
 * that a client reports for a broken connection.
 */
function serviceError(error: unknown): Partial<StatusObject> & Error {
  const details = error instanceof Error ? error.message : String(error);
  return Object.assign(new Error(details), {
    code: status[statusOf(error)],
    details,
  } satisfies Partial<ServiceError>);
}

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

/** The definitions that Google's client itself is built from. */
const DEFINITIONS = fromJSON(
  createRequire(import.meta.url)('@google-cloud/pubsub/build/protos/protos.json'),
  // With defaults every field of a request is there: messages that are not set as null, bytes as a Buffer.
  { longs: String, enums: String, defaults: true },
);

export function serviceDefinition(name: 'Publisher' | 'Subscriber'): ServiceDefinition {
  return DEFINITIONS[`google.pubsub.v1.${name}`] as ServiceDefinition;
}

/** A unary method under its scripted faults, which call it `pubsub.<method>`. */
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
 * The status that a failed call ends with. gRPC has no way to break one call's connection, so a scripted drop is
 * what the client makes of a broken connection: UNAVAILABLE.
 */
export function serviceError(error: unknown): Partial<StatusObject> & Error {
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

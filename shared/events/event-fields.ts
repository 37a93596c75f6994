import { z } from 'zod';
import { text } from '../model/text.ts';

/** The name of a view source. */
export const view = text.min(1).max(200);

/** What asks for a batch, such as the scheduler. */
export const trigger = text.max(40);

/** Why an operator stops a view. */
export const reason = text.min(1).max(500);

/** The name of an operator. */
export const operator = text.min(1).max(200);

/** The id of a recorded failure. A manual call may write it as text, as `status` shows it. */
export const failureId = z
  .union([z.number().int().positive(), z.string().regex(/^\d{1,18}$/)])
  .transform(BigInt);

/** A place in a list of batches: the start in microseconds since 1970, and the id. */
export const place = z
  .string()
  .regex(/^\d{1,16}-\d{1,18}$/, 'is not a place in the list')
  .transform((text) => {
    const [startedAtMicros = '0', id = '0'] = text.split('-');
    return { startedAtMicros: BigInt(startedAtMicros), id: BigInt(id) };
  });

/** A time with its zone, in ISO 8601. */
export const time = z.iso.datetime({ offset: true });

/** Who asks for an operation, why, and the name of the request, so that it is one request however often it is sent. */
export const asked = { by: operator.optional(), why: reason.optional(), requestId: z.uuid().optional() };

import { z } from 'zod';
import { view } from './event-fields.ts';
import { parse } from './parse-event.ts';

/** Announces a batch that is ready to be applied. Rows never travel in events. */
const batchEvent = z.strictObject({
  view,
  etlTransactionId: z
    .string()
    .regex(/^\d{1,19}$/, 'is not an ETL transaction id')
    .transform(BigInt)
    .refine((id) => id < 2n ** 63n, { error: 'is not an ETL transaction id' }),
});

export type BatchEvent = z.output<typeof batchEvent>;

/** Parses an event of `merge` or `stream`. Throws `invalid_event` naming every fault. */
export function parseBatchEvent(payload: unknown): BatchEvent {
  return parse(batchEvent, payload, 'Send {"view": "…", "etlTransactionId": "…"}.');
}

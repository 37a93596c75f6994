import { z } from 'zod';
import { checkOptions, hasOneMode, ONE_MODE } from './check-options.ts';
import { failureId, view } from './event-fields.ts';
import { fieldsOf, parse } from './parse-event.ts';

/** Asks for a check of every view, or of one; or goes on with a check that has begun. */
const reconcileEvents = {
  check: z
    .strictObject({ view, check: failureId })
    .transform(({ view, check }) => ({ command: 'continue' as const, view, check })),
  view: z
    .strictObject({ view, ...checkOptions, dryRun: z.literal(true).optional() })
    .refine(hasOneMode, ONE_MODE)
    .transform((event) => ({ command: 'check' as const, ...event })),
};

const checkAll = z
  .strictObject(checkOptions)
  .refine(hasOneMode, ONE_MODE)
  .transform((event) => ({ command: 'checkAll' as const, ...event }));

export type ReconcileEvent =
  | z.output<(typeof reconcileEvents)[keyof typeof reconcileEvents]>
  | z.output<typeof checkAll>;
export type CheckEvent = Extract<ReconcileEvent, { command: 'check' }>;

/** Parses an event or a manual call of `reconcile`. Throws `invalid_event` naming every fault. */
export function parseReconcileEvent(payload: unknown): ReconcileEvent {
  const given = fieldsOf(payload);
  const form = Object.entries(reconcileEvents).find(([field]) => given.includes(field))?.[1] ?? checkAll;
  return parse<ReconcileEvent>(form, payload, RECONCILE_FORMS);
}

const RECONCILE_FORMS =
  'Send {} to check every view, or {"view": …} for one; with "mode": "keys" or "since": days, with "repair": true or false, and for one view with "dryRun": true.';

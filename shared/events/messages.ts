import { z } from 'zod';
import { DataHubError } from '../errors.ts';
import { viewSourceImport, warehouseName } from '../model/view-source.ts';

/** PostgreSQL holds no NUL character: nothing that it is asked for can have one. */
const text = z.string().refine((given) => !given.includes('\0'), { error: 'holds a NUL character' });
const view = text.min(1).max(200);
const trigger = text.max(40);
/** Of a recorded failure; a manual call may write it as it was shown. */
const number = z.union([z.number().int().positive(), z.string().regex(/^\d{1,18}$/)]).transform(BigInt);

const tick = z
  .strictObject({ trigger: trigger.optional() })
  .transform((event) => ({ ask: 'tick' as const, ...event }));

/** What else than a tick `extract` can be asked, an event or a manual call; the first field that is there tells which. */
const asks = {
  import: z
    .strictObject({ import: viewSourceImport })
    .transform((event) => ({ ask: 'import' as const, entries: event.import })),
  check: z
    .strictObject({ check: z.literal(true), view: view.optional() })
    .transform(({ view }) => ({ ask: 'check' as const, view })),
  dryRun: z
    .strictObject({ dryRun: z.literal(true), view: view.optional() })
    .transform(({ view }) => ({ ask: 'dryRun' as const, view })),
  pause: z
    .strictObject({ view, pause: z.literal(true) })
    .transform(({ view }) => ({ ask: 'pause' as const, view })),
  halt: z
    .strictObject({ view, halt: text.min(1).max(500) })
    .transform(({ view, halt }) => ({ ask: 'halt' as const, view, reason: halt })),
  resync: z
    .strictObject({ view, resync: z.boolean() })
    .transform(({ view, resync }) => ({ ask: 'resync' as const, view, isWanted: resync })),
  loadType: z
    .strictObject({ view, loadType: z.enum(['merge', 'bq-storage-api']), target: warehouseName })
    .transform((event) => ({ ask: 'loadType' as const, ...event })),
  recheck: z
    .strictObject({ view, recheck: z.iso.datetime({ offset: true }) })
    .transform(({ view, recheck }) => ({ ask: 'recheck' as const, view, since: new Date(recheck) })),
  redrive: z
    .union([
      z.strictObject({ view, redrive: z.literal(true) }),
      z.strictObject({ redrive: z.array(number).min(1).max(1000) }),
    ])
    .transform((event) =>
      'view' in event
        ? { ask: 'redriveView' as const, view: event.view }
        : { ask: 'redriveEvents' as const, failures: event.redrive },
    ),
  resolve: z
    .strictObject({ resolve: z.array(number).min(1).max(1000) })
    .transform(({ resolve }) => ({ ask: 'resolve' as const, failures: resolve })),
  status: z
    .strictObject({ status: z.literal(true), view: view.optional() })
    .transform(({ view }) => ({ ask: 'status' as const, view })),
  resume: z
    .strictObject({ view, resume: z.literal(true) })
    .transform(({ view }) => ({ ask: 'resume' as const, view })),
  keys: z
    .strictObject({ view, keys: z.array(z.union([text, z.number().int()])).min(1) })
    .transform(({ view, keys }) => ({ ask: 'keys' as const, view, keys: keys.map(String) })),
  view: z
    .strictObject({ view, trigger: trigger.optional() })
    .transform((event) => ({ ask: 'extract' as const, ...event })),
};

/** A batch that is ready to be applied; rows never travel in events. */
const batchEvent = z.strictObject({
  view,
  etlTransactionId: z
    .string()
    .regex(/^\d{1,19}$/, 'is no ETL transaction number')
    .transform(BigInt)
    .refine((id) => id < 2n ** 63n, { error: 'is no ETL transaction number' }),
});

export type ExtractEvent = z.output<typeof tick> | z.output<(typeof asks)[keyof typeof asks]>;
export type BatchEvent = z.output<typeof batchEvent>;

/** Throws `invalid_event` naming what does not fit. */
export function parseExtractEvent(payload: unknown): ExtractEvent {
  const given = fieldsOf(payload);
  const asked = Object.entries(asks).find(([field]) => given.includes(field));
  const form: z.ZodType<ExtractEvent> = asked?.[1] ?? tick;
  return parse(form, payload, EXTRACT_FORMS);
}

/** Throws `invalid_event` naming what does not fit. */
export function parseBatchEvent(payload: unknown): BatchEvent {
  return parse(batchEvent, payload, 'It takes {"view": "…", "etlTransactionId": "…"}.');
}

const EXTRACT_FORMS =
  'It takes {}, {"view": …}, {"view": …, "keys": […]}; {"view": …} with "pause": true, "resume": true, "halt": "reason", "redrive": true, "resync": true, "recheck": "since when", or "loadType": … and "target": …; {"redrive": [failures]} or {"resolve": [failures]}; {"status": true}, {"check": true} or {"dryRun": true} (all three also with "view"); or {"import": […]}.';

function parse<T>(schema: z.ZodType<T>, payload: unknown, advice: string): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  throw new DataHubError('invalid_event', `the event does not fit: ${describe(parsed.error, payload)}`, {
    advice,
  });
}

function describe(error: z.ZodError, payload: unknown): string {
  const faults = error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  const given = fieldsOf(payload);
  return `${faults.join('; ')}${given.length > 0 ? ` (fields given: ${given.join(', ')})` : ''}`;
}

function fieldsOf(payload: unknown): string[] {
  return typeof payload === 'object' && payload !== null && !Array.isArray(payload)
    ? Object.keys(payload)
    : [];
}

import { z } from 'zod';
import { DataHubError, ERROR_KINDS } from '../errors.ts';
import { viewSourceImport, warehouseName } from '../model/view-source.ts';

/** PostgreSQL's text cannot hold NUL characters, so no valid value contains one. */
const text = z.string().refine((given) => !given.includes('\0'), { error: 'contains a NUL character' });
const view = text.min(1).max(200);
const trigger = text.max(40);
/** Why an operator stops a view, and the operator's name. */
const reason = text.min(1).max(500);
const name = text.min(1).max(200);
const time = z.iso.datetime({ offset: true });
/** The id of a recorded failure. A manual call may write it as text, as `status` shows it. */
const failureId = z.union([z.number().int().positive(), z.string().regex(/^\d{1,18}$/)]).transform(BigInt);

/** Who asks for an operation, why, and the name of the request, so that it is one request however often it is sent. */
const asked = { by: name.optional(), why: reason.optional(), requestId: z.uuid().optional() };

const tick = z
  .strictObject({ trigger: trigger.optional() })
  .transform((event) => ({ command: 'tick' as const, ...event }));

const extract = z
  .strictObject({ view, trigger: trigger.optional() })
  .transform((event) => ({ command: 'extract' as const, ...event }));

const checkOptions = {
  trigger: trigger.optional(),
  mode: z.enum(['full', 'keys']).optional(),
  /** Days within which a row must have changed to be compared. */
  since: z.number().int().min(1).max(3650).optional(),
  repair: z.boolean().optional(),
  by: name.optional(),
};

const hasOneMode = ({ mode, since }: { mode?: unknown; since?: unknown }): boolean =>
  mode === undefined || since === undefined;
const ONE_MODE = { error: 'cannot be given together with "mode"', path: ['since'] };

/** The operations that an operator can ask for, by the field that tells them apart (shared/operations). */
const operations = {
  import: z
    .strictObject({ import: viewSourceImport, dryRun: z.literal(true).optional(), ...asked })
    .transform((event) =>
      event.dryRun === true
        ? { command: 'dryRunImport' as const, entries: event.import }
        : { command: 'import' as const, entries: event.import },
    ),
  check: z
    .strictObject({ check: z.literal(true), view: view.optional() })
    .transform(({ view }) => ({ command: 'check' as const, view })),
  reconcile: z
    .strictObject({ view: view.optional(), reconcile: z.literal(true), ...checkOptions, ...asked })
    .refine(hasOneMode, ONE_MODE)
    .transform(({ view, reconcile: _, by, why: _why, requestId: _requestId, ...options }) => ({
      command: 'reconcile' as const,
      view,
      by: by ?? null,
      options,
    })),
  dryRun: z
    .strictObject({ dryRun: z.literal(true), view: view.optional() })
    .transform(({ view }) => ({ command: 'dryRun' as const, view })),
  pause: z
    .strictObject({ view, pause: z.union([z.literal(true), reason]), until: time.optional(), ...asked })
    .transform(({ view, pause, until, by, why }) => ({
      command: 'pause' as const,
      view,
      why: pause === true ? (why ?? null) : pause,
      by: by ?? null,
      ...(until !== undefined && { until: new Date(until) }),
    })),
  halt: z
    .strictObject({ view, halt: reason, ...asked })
    .transform(({ view, halt, by }) => ({ command: 'halt' as const, view, reason: halt, by: by ?? null })),
  resync: z
    .strictObject({ view, resync: z.boolean(), acceptDeletes: z.boolean().default(false), ...asked })
    .refine(({ resync, acceptDeletes }) => resync || !acceptDeletes, {
      error: 'needs "resync": true',
      path: ['acceptDeletes'],
    })
    .transform(({ view, resync, acceptDeletes }) => ({
      command: 'resync' as const,
      view,
      isWanted: resync,
      acceptsDeletes: acceptDeletes,
    })),
  loadType: z
    .strictObject({ view, loadType: z.enum(['merge', 'bq-storage-api']), target: warehouseName, ...asked })
    .transform(({ view, loadType, target }) => ({ command: 'loadType' as const, view, loadType, target })),
  recheck: z
    .strictObject({ view, recheck: time, ...asked })
    .transform(({ view, recheck }) => ({ command: 'recheck' as const, view, since: new Date(recheck) })),
  forget: z
    .strictObject({ view, forget: z.literal(true), confirm: text.max(200).optional(), ...asked })
    .transform(({ view, confirm }) => ({ command: 'forget' as const, view, confirmation: confirm })),
  purgeDeletedBefore: z
    .strictObject({
      view,
      purgeDeletedBefore: time,
      confirm: text.max(200).optional(),
      ...asked,
    })
    .transform(({ view, purgeDeletedBefore, confirm }) => ({
      command: 'purge' as const,
      view,
      before: new Date(purgeDeletedBefore),
      confirmation: confirm,
    })),
  redrive: z
    .union([
      z.strictObject({ view, redrive: z.literal(true), ...asked }),
      z.strictObject({ redrive: z.array(failureId).min(1).max(1000), ...asked }),
    ])
    .transform((event) =>
      'view' in event
        ? { command: 'redriveView' as const, view: event.view }
        : { command: 'redriveEvents' as const, failures: event.redrive },
    ),
  resolve: z
    .union([
      z.strictObject({ resolve: z.array(failureId).min(1).max(1000), ...asked }),
      z.strictObject({ resolve: z.enum(ERROR_KINDS), view: view.optional(), ...asked }),
      z.strictObject({ resolve: z.literal(true), view, ...asked }),
    ])
    .transform((event) =>
      Array.isArray(event.resolve)
        ? { command: 'resolve' as const, failures: event.resolve }
        : {
            command: 'resolveAll' as const,
            ...(event.resolve !== true && { kind: event.resolve }),
            ...('view' in event && event.view !== undefined && { view: event.view }),
          },
    ),
  status: z
    .strictObject({ status: z.literal(true), view: view.optional() })
    .transform(({ view }) => ({ command: 'status' as const, view })),
  resume: z
    .strictObject({ view, resume: z.literal(true), ...asked })
    .transform(({ view }) => ({ command: 'resume' as const, view })),
  run: z
    .strictObject({ view, run: z.literal(true), ...asked })
    .transform(({ view }) => ({ command: 'run' as const, view })),
  acceptCost: z
    .strictObject({ view, acceptCost: z.literal(true), ...asked })
    .transform(({ view }) => ({ command: 'acceptCost' as const, view })),
  keys: z
    .strictObject({ view, keys: z.array(z.union([text, z.number().int()])).min(1), ...asked })
    .transform(({ view, keys }) => ({ command: 'keys' as const, view, keys: keys.map(String) })),
};

/** Announces a batch that is ready to be applied. Rows never travel in events. */
const batchEvent = z.strictObject({
  view,
  etlTransactionId: z
    .string()
    .regex(/^\d{1,19}$/, 'is not an ETL transaction id')
    .transform(BigInt)
    .refine((id) => id < 2n ** 63n, { error: 'is not an ETL transaction id' }),
});

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

/** What an operator can ask for. */
export type Operation = z.output<(typeof operations)[keyof typeof operations]>;
export type OperationOf<Command extends Operation['command']> = Extract<Operation, { command: Command }>;

export type ExtractEvent = z.output<typeof tick> | z.output<typeof extract> | Operation;
export type BatchEvent = z.output<typeof batchEvent>;
export type ReconcileEvent =
  | z.output<(typeof reconcileEvents)[keyof typeof reconcileEvents]>
  | z.output<typeof checkAll>;
export type CheckEvent = Extract<ReconcileEvent, { command: 'check' }>;

/** Parses an event or a manual call of `extract`. Throws `invalid_event` naming every fault. */
export function parseExtractEvent(payload: unknown): ExtractEvent {
  // zod leaves such a key out without a word.
  if (hasPrototypeKey(payload)) {
    throw new DataHubError('invalid_event', 'the event is not valid: "__proto__" cannot be a name', {
      advice: 'Rename the column in the view, and send its new name.',
    });
  }
  const given = fieldsOf(payload);
  const operation = Object.entries(operations).find(([field]) => given.includes(field));
  const form: z.ZodType<ExtractEvent> = operation?.[1] ?? (given.includes('view') ? extract : tick);
  return parse(form, payload, formsFor(operation?.[0], payload));
}

/** Parses the payload of an operation. Throws `invalid_event` naming every fault, and for what is no operation. */
export function parseOperation(payload: unknown): Operation {
  const event = parseExtractEvent(payload);
  if (event.command !== 'tick' && event.command !== 'extract') return event;
  throw new DataHubError('invalid_event', `the event is no operation: ${event.command}`, {
    advice: EXTRACT_FORMS,
  });
}

/** Who asks for an operation, why, and the name of the request, as far as its payload says so. */
export type Asked = z.output<typeof askedForm>;
const askedForm = z.object(asked);

/** Reads who asks for the operation in a payload that `parseExtractEvent` has accepted. */
export const parseAsked = (payload: unknown): Asked => askedForm.parse(payload);

/** Parses an event of `merge` or `stream`. Throws `invalid_event` naming every fault. */
export function parseBatchEvent(payload: unknown): BatchEvent {
  return parse(batchEvent, payload, 'Send {"view": "…", "etlTransactionId": "…"}.');
}

/** Parses an event or a manual call of `reconcile`. Throws `invalid_event` naming every fault. */
export function parseReconcileEvent(payload: unknown): ReconcileEvent {
  const given = fieldsOf(payload);
  const form = Object.entries(reconcileEvents).find(([field]) => given.includes(field))?.[1] ?? checkAll;
  return parse<ReconcileEvent>(form, payload, RECONCILE_FORMS);
}

const RECONCILE_FORMS =
  'Send {} to check every view, or {"view": …} for one; with "mode": "keys" or "since": days, with "repair": true or false, and for one view with "dryRun": true.';

const EXTRACT_FORMS =
  'Send {}, {"view": …}, or {"view": …, "keys": […]}; {"view": …} with "run": true, "pause": true or "reason" (and "until": "time"), "resume": true, "halt": "reason", "redrive": true, "resync": true (and "acceptDeletes": true), "acceptCost": true, "recheck": "time", "loadType": … and "target": …, "purgeDeletedBefore": "time", or "forget": true; {"redrive": [failures]} or {"resolve": [failures]}; {"resolve": kind}, with or without "view", or {"view": …, "resolve": true}; {"status": true}, {"check": true}, {"dryRun": true} or {"reconcile": true}, each with or without "view"; or {"import": […]}, with "dryRun": true to check it only. An operation also takes "by" and "why".';

const FORMS = {
  import:
    '{"import": […]} with the list of view sources, as in sql/source/view-sources.json, and "dryRun": true to check it only',
  resolve: `{"resolve": [failures]}, {"resolve": kind} with or without "view", or {"view": …, "resolve": true}. The kinds are ${ERROR_KINDS.join(', ')}`,
  reconcile:
    '{"reconcile": true}, with or without "view", and with "mode": "keys" or "since": days, or "repair": true or false. For a dry run, call the function reconcile with {"view": …, "dryRun": true}',
  redrive: '{"redrive": [failures]} or {"view": …, "redrive": true}',
  pause:
    '{"view": …, "pause": true}, or a reason instead of true, and "until": "2026-01-31T08:00:00Z" if it shall end by itself',
  halt: '{"view": …, "halt": "reason"}',
  resume: '{"view": …, "resume": true}',
  resync:
    '{"view": …, "resync": true}, with "acceptDeletes": true to accept any number of deletes, or {"view": …, "resync": false}',
  recheck: '{"view": …, "recheck": "2026-01-31T08:00:00Z"}',
  loadType: '{"view": …, "loadType": "merge" or "bq-storage-api", "target": …}',
  keys: '{"view": …, "keys": [17, 42]}',
};

/** The form of the command that was meant, or all forms. */
function formsFor(command: string | undefined, payload: unknown): string {
  const isViewSource = Array.isArray(payload) || fieldsOf(payload).includes('target_name');
  const meant = isViewSource ? 'import' : command;
  const form = Object.entries(FORMS).find(([name]) => name === meant)?.[1];
  return form === undefined ? EXTRACT_FORMS : `Send ${form}.`;
}

function parse<T>(schema: z.ZodType<T>, payload: unknown, advice: string): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  throw new DataHubError('invalid_event', `the event is not valid: ${describe(parsed.error, payload)}`, {
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

const hasPrototypeKey = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Object.hasOwn(value, '__proto__') || Object.values(value).some(hasPrototypeKey));

function fieldsOf(payload: unknown): string[] {
  return typeof payload === 'object' && payload !== null && !Array.isArray(payload)
    ? Object.keys(payload)
    : [];
}
